//! Several futures in one task, without the task waking itself.
//!
//! A connection and the answer that comes over it wake each other: one has read, the other wants more. In one task
//! each such wake-up would have the scheduler run the task once more, and rouse an idle thread to look for work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Nothing is polled: wake-ups are the task's.
const WAITING: u8 = 0;
/// Polling goes on.
const POLLING: u8 = 1;
/// Polling goes on, and something was woken meanwhile.
const WOKEN: u8 = 2;

/// How often what wakes itself is polled in a row. Runtimes ask for a pause in the same manner, and get it then.
const TURNS: usize = 4;

#[derive(Default)]
struct State {
    task: AtomicWaker,
    polling: AtomicU8,
}

impl Wake for State {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let polling = |state| (state != WAITING).then_some(WOKEN);
        if self.polling.fetch_update(Ordering::AcqRel, Ordering::Acquire, polling).is_err() {
            self.task.wake();
        }
    }
}

/// Polls futures that wake each other.
pub(super) struct Group {
    state: Arc<State>,
    waker: Waker,
}

impl Default for Group {
    fn default() -> Self {
        let state = Arc::new(State::default());
        Self { waker: Waker::from(Arc::clone(&state)), state }
    }
}

impl Group {
    /// Polls, and again where that woke something.
    pub(super) fn poll<R>(
        &self,
        context: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let polling = &self.state.polling;
        self.state.task.register(context.waker());
        for _ in 0..TURNS {
            polling.store(POLLING, Ordering::Release);
            let polled = poll(&mut Context::from_waker(&self.waker));
            if polled.is_ready() {
                // Whoever takes what is ready comes back for more.
                polling.store(WAITING, Ordering::Release);
                return polled;
            }
            let quiet =
                polling.compare_exchange(POLLING, WAITING, Ordering::AcqRel, Ordering::Acquire).is_ok();
            if quiet {
                return Poll::Pending;
            }
        }
        polling.store(WAITING, Ordering::Release);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counted() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        (Arc::clone(&count), Waker::from(count))
    }

    #[test]
    fn what_wakes_itself_is_polled_again_and_the_task_is_not_woken() {
        let (woken, waker) = counted();
        let mut polls = 0;
        let polled = Group::default().poll(&mut Context::from_waker(&waker), |context| {
            polls += 1;
            if polls == 1 {
                context.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert_eq!((polls, woken.0.load(Ordering::Relaxed)), (2, 0));
    }

    #[test]
    fn what_wakes_itself_without_end_gives_way() {
        let (woken, waker) = counted();
        let mut polls = 0;
        let polled = Group::default().poll(&mut Context::from_waker(&waker), |context| {
            polls += 1;
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert_eq!((polls, woken.0.load(Ordering::Relaxed)), (TURNS, 1));
    }

    #[test]
    fn a_wake_up_from_outside_is_the_tasks() {
        let (woken, waker) = counted();
        let (group, mut kept) = (Group::default(), None);
        let _ = group.poll(&mut Context::from_waker(&waker), |context| {
            kept = Some(context.waker().clone());
            Poll::<()>::Pending
        });
        kept.unwrap().wake();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    /// Wake-ups of another thread arrive at any moment, and none may be lost.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_up_is_lost() {
        for _ in 0..2_000 {
            let (sender, mut receiver) = tokio::sync::oneshot::channel();
            let sending = std::thread::spawn(move || sender.send(7).unwrap());
            let group = Group::default();
            let value = poll_fn(|context| {
                group.poll(context, |context| std::pin::Pin::new(&mut receiver).poll(context))
            })
            .await;
            assert_eq!(value, Ok(7));
            sending.join().unwrap();
        }
    }
}
