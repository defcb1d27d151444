//! What all connections of an emulator share.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::cache::{Cache, Counted};
use crate::config::Config;
use crate::record::{Ending, Recorded};
use crate::request::Request;
use crate::script::Reply;

/// Scripts, records and cached prompts.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    scripts: Mutex<Scripts>,
    cache: Mutex<Cache>,
    records: watch::Sender<Vec<Recorded>>,
    recording: bool,
}

#[derive(Debug, Default)]
struct Scripts {
    next: VecDeque<Reply>,
    next_of: HashMap<String, VecDeque<Reply>>,
    always: Option<Reply>,
}

impl State {
    /// With `recording` every request is kept, which only tests want.
    pub(crate) fn new(config: Config, recording: bool) -> Self {
        Self {
            config,
            scripts: Mutex::default(),
            cache: Mutex::default(),
            records: watch::Sender::new(Vec::new()),
            recording,
        }
    }

    fn scripts(&self) -> MutexGuard<'_, Scripts> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, reply: Reply) {
        self.scripts().next.push_back(reply);
    }

    pub(crate) fn push_for(&self, model_id: &str, reply: Reply) {
        self.scripts().next_of.entry(model_id.to_owned()).or_default().push_back(reply);
    }

    pub(crate) fn always(&self, reply: Option<Reply>) {
        self.scripts().always = reply;
    }

    /// The scripted reply to the next request of a model.
    pub(crate) fn script(&self, model_id: &str) -> Option<Reply> {
        let mut scripts = self.scripts();
        let own = scripts.next_of.get_mut(model_id).and_then(VecDeque::pop_front);
        own.or_else(|| scripts.next.pop_front()).or_else(|| scripts.always.clone())
    }

    /// Counts the tokens of a prompt; those up to a cache point may have been seen before.
    pub(crate) fn count(&self, model_id: &str, request: &Request) -> Counted {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).count(model_id, request)
    }

    /// Keeps a request, and gives its number.
    pub(crate) fn record(&self, recorded: Recorded) -> Option<usize> {
        if !self.recording {
            return None;
        }
        let mut index = 0;
        self.records.send_modify(|records| {
            index = records.len();
            records.push(recorded);
        });
        Some(index)
    }

    pub(crate) fn end(&self, index: Option<usize>, ending: Ending) {
        let Some(index) = index else { return };
        self.records.send_modify(|records| {
            if let Some(record) = records.get_mut(index).filter(|record| record.ending == Ending::Pending) {
                record.ending = ending;
            }
        });
    }

    pub(crate) fn records(&self) -> Vec<Recorded> {
        self.records.borrow().clone()
    }

    pub(crate) fn records_since(&self, index: usize) -> Vec<Recorded> {
        self.records.borrow().get(index..).unwrap_or_default().to_vec()
    }

    pub(crate) async fn wait_for(&self, condition: impl FnMut(&Vec<Recorded>) -> bool) {
        // The sender lives as long as this state.
        let _ = self.records.subscribe().wait_for(condition).await;
    }
}
