//! The models that are in use, over all loads of a manifest: what has not changed is not built again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bedrock::{BedrockModel, BedrockSpec};
use routing::Breaker;

/// Everything is held weakly, so that it ends with the last model that uses it.
#[derive(Default)]
pub(super) struct Built {
    models: Mutex<Vec<Weak<BedrockModel>>>,
    breakers: Mutex<Vec<Known>>,
}

/// The breaker of a declared model, or of one of its regions.
struct Known {
    name: Arc<str>,
    /// One for each region.
    models: Vec<Weak<BedrockModel>>,
    breaker: Weak<Breaker>,
}

impl Known {
    fn is_of(&self, name: &str, models: &[Arc<BedrockModel>]) -> bool {
        let same = |(one, other): (&Weak<_>, &Arc<_>)| Weak::as_ptr(one) == Arc::as_ptr(other);
        *self.name == *name && self.models.len() == models.len() && self.models.iter().zip(models).all(same)
    }
}

impl Built {
    fn models(&self) -> MutexGuard<'_, Vec<Weak<BedrockModel>>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn breakers(&self) -> MutexGuard<'_, Vec<Known>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A model that is the same, and goes on with its connections and what it has learned.
    pub(super) fn find(&self, spec: &BedrockSpec) -> Option<Arc<BedrockModel>> {
        let mut models = self.models();
        models.retain(|model| model.strong_count() > 0);
        models.iter().filter_map(Weak::upgrade).find(|model| model.spec().is_same(spec))
    }

    pub(super) fn add(&self, model: &Arc<BedrockModel>) {
        self.models().push(Arc::downgrade(model));
    }

    /// What is known of the failures of a name with these models. Another name has its own, though it may be of the same
    /// model: a worker may route to both.
    pub(super) fn breaker(&self, name: &Arc<str>, models: &[Arc<BedrockModel>]) -> Arc<Breaker> {
        let mut breakers = self.breakers();
        breakers.retain(|known| known.breaker.strong_count() > 0);
        let known = breakers.iter().find(|known| known.is_of(name, models));
        if let Some(breaker) = known.and_then(|known| known.breaker.upgrade()) {
            return breaker;
        }
        let breaker = Arc::default();
        let models = models.iter().map(Arc::downgrade).collect();
        breakers.push(Known { name: Arc::clone(name), models, breaker: Arc::downgrade(&breaker) });
        breaker
    }
}
