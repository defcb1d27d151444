//! Who waits, for how long, and who is next.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use secrets::{ApiKey, Auth};
use spicepod::KeyLimits;

use super::super::auth::Keys;
use super::*;

fn admission(in_flight: usize, queue: usize) -> Admission {
    Admission::new(&Limits { in_flight, queue, ..Limits::default() }, Gauge::default())
}

/// Someone who waits.
type Wait<'a> = Pin<Box<dyn Future<Output = Result<Admitted, Shed>> + 'a>>;

/// Begins to wait; what is known at once is given back.
fn wait<'a>(
    admission: &'a Admission,
    caller: Option<&Arc<Caller>>,
) -> Result<Wait<'a>, Result<Admitted, Shed>> {
    let keys = if caller.is_some() { 2 } else { 0 };
    let mut wait: Wait<'a> = Box::pin(admission.wait(caller.cloned(), keys));
    match poll(&mut wait) {
        Some(known) => Err(known),
        None => Ok(wait),
    }
}

fn poll(wait: &mut Wait<'_>) -> Option<Result<Admitted, Shed>> {
    match wait.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(known) => Some(known),
        Poll::Pending => None,
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_get_a_place_in_the_order_in_which_they_came() {
    let admission = admission(1, 2);
    let first = admission.try_admit().unwrap();
    let mut waits = [wait(&admission, None).ok().unwrap(), wait(&admission, None).ok().unwrap()];
    assert_eq!(wait(&admission, None).err().unwrap().err(), Some(Shed::QueueFull));
    assert!(poll(&mut waits[1]).is_none());
    drop(first);
    assert!(poll(&mut waits[1]).is_none());
    let second = poll(&mut waits[0]).unwrap().unwrap();
    assert!(admission.try_admit().is_none(), "nobody overtakes those who wait");
    drop(second);
    drop(poll(&mut waits[1]).unwrap().unwrap());
    assert!(admission.try_admit().is_some());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_longer_than_the_time_and_who_has_gone_is_passed_over() {
    let admission = admission(1, 8);
    let first = admission.try_admit().unwrap();
    let gone = wait(&admission, None).ok().unwrap();
    let given_but_gone = wait(&admission, None).ok().unwrap();
    let late = admission.wait(None, 0);
    assert_eq!(late.await.err(), Some(Shed::QueueTimeout));
    let mut last = wait(&admission, None).ok().unwrap();
    drop(gone);
    drop(first);
    // The place was given to someone who does not look any more.
    drop(given_but_gone);
    drop(poll(&mut last).unwrap().unwrap());
    drop(last);
    let state = admission.state();
    assert_eq!((state.free, state.waiting.len(), admission.0.queued.get()), (1, 0, 0));
}

fn keys() -> Keys {
    let key = |text: &str| ApiKey {
        key: SecretString::from(text),
        name: None,
        models: None,
        limits: KeyLimits::default(),
    };
    Keys::new(&Auth { keys: vec![key("noisy"), key("quiet")] })
}

fn caller(keys: &Keys, key: &'static str) -> Arc<Caller> {
    let headers = [(HeaderName::from_static("x-api-key"), HeaderValue::from_static(key))];
    keys.caller(&headers.into_iter().collect()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_key_is_one_caller_whatever_manifest_its_chats_belong_to() {
    let admission = admission(1, 4);
    let before = keys();
    let mut after = keys();
    after.inherit(&before);
    let place = admission.try_admit().unwrap();
    let mut of_old = wait(&admission, Some(&caller(&before, "noisy"))).ok().unwrap();
    let mut of_new = wait(&admission, Some(&caller(&after, "noisy"))).ok().unwrap();
    let third = wait(&admission, Some(&caller(&after, "noisy")));
    assert_eq!(third.err().unwrap().err(), Some(Shed::QueueFull), "its half of the queue is full");
    let mut quiet = wait(&admission, Some(&caller(&after, "quiet"))).ok().unwrap();
    drop(place);
    let place = poll(&mut of_old).unwrap().unwrap();
    drop(place);
    assert!(poll(&mut of_new).is_none(), "the key has had its turn before the reload");
    drop(poll(&mut quiet).unwrap().unwrap());
    assert!(poll(&mut of_new).unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_key_alone_leaves_room_in_the_queue_and_keys_take_turns() {
    let admission = admission(1, 8);
    let keys = keys();
    let (noisy, quiet) = (caller(&keys, "noisy"), caller(&keys, "quiet"));
    let mut place = admission.try_admit().unwrap();
    let mut noisy_waits: Vec<_> = (0..4).map(|_| wait(&admission, Some(&noisy)).ok().unwrap()).collect();
    assert_eq!(wait(&admission, Some(&noisy)).err().unwrap().err(), Some(Shed::QueueFull));
    let mut quiet_waits: Vec<_> = (0..2).map(|_| wait(&admission, Some(&quiet)).ok().unwrap()).collect();
    let mut order = String::new();
    for _ in 0..6 {
        drop(place);
        let noisy = first(&mut noisy_waits);
        order.push(if noisy.is_some() { 'n' } else { 'q' });
        place = noisy.or_else(|| first(&mut quiet_waits)).unwrap();
    }
    assert_eq!(order, "nqnqnn");
}

/// Takes the one out that has got a place, if there is one.
fn first(waits: &mut Vec<Wait<'_>>) -> Option<Admitted> {
    let mut found = None;
    waits.retain_mut(|wait| match poll(wait) {
        Some(place) => {
            found = Some(place.unwrap());
            false
        }
        None => true,
    });
    found
}
