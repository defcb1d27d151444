//! Routers over models that do as they are told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use chat::{ErrorKind, Event, FinishReason, Repeat, Response};

use super::*;

mod faults;
mod nested;
mod shares;

/// What a scripted model does with a request.
#[derive(Clone)]
enum Script {
    Answer,
    Fail(Error),
    /// Never answers.
    Hang,
    /// Takes its time before that.
    After(Duration, Box<Self>),
    /// Is kept back by its last gate, which is open again by now.
    Withdraw,
    /// Has to wait for a connection, and fails, or answers, where it may still be sent after that.
    Connect(Arc<tokio::sync::Semaphore>, Option<ErrorKind>),
}

fn fail(kind: ErrorKind) -> Script {
    Script::Fail(Error::new(kind, kind.name()).attempts(1))
}

/// A model that does as it is told, and answers where it is told nothing.
#[derive(Debug)]
struct Scripted {
    scripts: Mutex<VecDeque<Script>>,
    always: Mutex<Option<Script>>,
    readiness: Mutex<Readiness>,
    asked: Mutex<Vec<Attempts>>,
    /// What was to be sent.
    requests: Mutex<Vec<Request>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Scripted {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            scripts: Mutex::default(),
            always: Mutex::default(),
            readiness: Mutex::new(Readiness::Ready),
            asked: Mutex::default(),
            requests: Mutex::default(),
        })
    }

    fn next(&self, script: Script) {
        self.scripts.lock().unwrap().push_back(script);
    }

    fn always(&self, script: Script) {
        *self.always.lock().unwrap() = Some(script);
    }

    fn is(&self, readiness: Readiness) {
        *self.readiness.lock().unwrap() = readiness;
    }

    /// How often it was asked, and how often it might have called, since this was last asked.
    fn asked(&self) -> Vec<Attempts> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    async fn act(&self, request: Request) -> Result<Head> {
        self.asked.lock().unwrap().push(request.attempts);
        self.requests.lock().unwrap().push(request.clone());
        let script = self.scripts.lock().unwrap().pop_front();
        let mut script = script.or_else(|| self.always.lock().unwrap().clone()).unwrap_or(Script::Answer);
        if let Script::After(time, then) = script {
            tokio::time::sleep(time).await;
            script = *then;
        }
        match script {
            Script::After(..) => unreachable!("it takes its time once"),
            Script::Answer => Ok(Head { attempts: 1, ..Head::default() }),
            Script::Fail(error) => Err(error),
            Script::Hang => std::future::pending().await,
            Script::Withdraw => {
                let gate = request.calls.gates().checked_sub(1);
                Err(Error::new(ErrorKind::Overloaded, "no").withdrawn(gate))
            }
            Script::Connect(connections, failure) => {
                connections.acquire().await.unwrap().forget();
                if let Some(gate) = request.calls.shut() {
                    return Err(Error::new(ErrorKind::Overloaded, "no").withdrawn(Some(gate)));
                }
                request.calls.called();
                match failure {
                    Some(kind) => Err(Error::new(kind, kind.name()).attempts(1)),
                    None => Ok(Head { attempts: 1, ..Head::default() }),
                }
            }
        }
    }
}

impl ChatModel for Scripted {
    fn complete(&self, request: Request) -> BoxFuture<'_, Result<Completion>> {
        Box::pin(async move { Ok(Completion { head: self.act(request).await?, response: response() }) })
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, Result<Streaming>> {
        Box::pin(async move {
            let head = self.act(request).await?;
            let events = [Ok(Event::Started), Ok(Event::Finished(FinishReason::Stop))];
            Ok(Streaming { head, events: Box::pin(futures_util::stream::iter(events)) })
        })
    }

    fn readiness(&self) -> Readiness {
        self.readiness.lock().unwrap().clone()
    }
}

fn response() -> Response {
    let mut collector = chat::Collector::default();
    collector.push(Event::Started);
    collector.push(Event::Finished(FinishReason::Stop));
    collector.finish().unwrap()
}

/// A router and its models, `name`, `order` and `weight` each.
fn router(legs: &[(&str, u32, Option<u32>)]) -> (Router, Vec<Arc<Scripted>>) {
    let models: Vec<Arc<Scripted>> = legs.iter().map(|_| Scripted::new()).collect();
    let legs = legs.iter().zip(&models).map(|((name, order, weight), model)| Leg {
        name: Arc::from(*name),
        region: None,
        order: *order,
        weight: *weight,
        model: Arc::<Scripted>::clone(model),
        breaker: Arc::default(),
        limiter: None,
    });
    (Router::new(legs.collect()), models)
}

/// Two models, the second of which is asked where the first one fails.
fn fallback() -> (Router, Arc<Scripted>, Arc<Scripted>) {
    let (router, models) = router(&[("first", 1, None), ("second", 2, None)]);
    (router, Arc::clone(&models[0]), Arc::clone(&models[1]))
}

/// Who answers a request, and who was passed over.
async fn ask(router: &Router) -> Result<(String, Vec<String>)> {
    let head = router.complete(Request::default()).await?.head;
    Ok(told(&head))
}

fn told(head: &Head) -> (String, Vec<String>) {
    let route = head.route.as_ref().unwrap();
    let passed = route.passed.iter().map(|(leg, kind)| format!("{} {}", leg.model, kind.name()));
    (route.leg.model.to_string(), passed.collect())
}

async fn who(router: &Router) -> String {
    ask(router).await.unwrap().0
}

/// Counts the calls of requests.
#[derive(Default)]
struct Counted(AtomicU64);

impl chat::Witness for Counted {
    fn called(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn withdrawn(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn asked(&self, _: chat::Leg) {}

    fn failed(&self, _: chat::Leg, _: ErrorKind) {}
}
