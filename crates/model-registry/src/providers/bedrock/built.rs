//! The models that are in use, over all loads of a manifest: what has not changed is not built again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bedrock::{BedrockModel, BedrockSpec};
use routing::Breaker;

/// Everything is held weakly, so that it ends with the last model that uses it. A manifest may have thousands of models,
/// so each is looked up, and none is searched for among all.
#[derive(Default)]
pub(super) struct Built {
    models: Mutex<Models>,
    /// By the name of a declared model.
    breakers: Mutex<HashMap<Arc<str>, Vec<Known>>>,
}

/// By model id and region: few differ in nothing but the rest.
type Models = HashMap<(String, String), Vec<Weak<BedrockModel>>>;

/// The breaker of a declared model, or of one of its regions.
struct Known {
    /// One for each region.
    models: Vec<Weak<BedrockModel>>,
    breaker: Weak<Breaker>,
}

impl Known {
    fn is_of(&self, models: &[Arc<BedrockModel>]) -> bool {
        let same = |(one, other): (&Weak<_>, &Arc<_>)| Weak::as_ptr(one) == Arc::as_ptr(other);
        self.models.len() == models.len() && self.models.iter().zip(models).all(same)
    }
}

impl Built {
    fn models(&self) -> MutexGuard<'_, Models> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn breakers(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<Known>>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is no longer in use: once for each load.
    pub(super) fn sweep(&self) {
        self.models().retain(|_, models| {
            models.retain(|model| model.strong_count() > 0);
            !models.is_empty()
        });
        self.breakers().retain(|_, breakers| {
            breakers.retain(|known| known.breaker.strong_count() > 0);
            !breakers.is_empty()
        });
    }

    /// A model that is the same, and goes on with its connections and what it has learned.
    pub(super) fn find(&self, spec: &BedrockSpec) -> Option<Arc<BedrockModel>> {
        let models = self.models();
        let alike = models.get(&key(spec))?;
        alike.iter().filter_map(Weak::upgrade).find(|model| model.spec().is_same(spec))
    }

    pub(super) fn add(&self, model: &Arc<BedrockModel>) {
        self.models().entry(key(model.spec())).or_default().push(Arc::downgrade(model));
    }

    /// What is known of the failures of a name with these models. Another name has its own, though it may be of the same
    /// model: a worker may route to both.
    pub(super) fn breaker(&self, name: &Arc<str>, models: &[Arc<BedrockModel>]) -> Arc<Breaker> {
        let mut breakers = self.breakers();
        let of_name = breakers.entry(Arc::clone(name)).or_default();
        let known = of_name.iter().find(|known| known.is_of(models));
        if let Some(breaker) = known.and_then(|known| known.breaker.upgrade()) {
            return breaker;
        }
        let breaker = Arc::default();
        let models = models.iter().map(Arc::downgrade).collect();
        of_name.push(Known { models, breaker: Arc::downgrade(&breaker) });
        breaker
    }
}

fn key(spec: &BedrockSpec) -> (String, String) {
    (spec.model_id.as_str().to_owned(), spec.region.clone())
}
