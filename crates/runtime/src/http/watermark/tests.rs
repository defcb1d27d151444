//! What is let in, by a process that holds what a test says, in paused time.

use super::*;

/// A process that may hold a hundred bytes, holds what can be set, and counts how often it is asked.
fn process() -> (Arc<Watermark>, Arc<AtomicU64>, Arc<AtomicU64>) {
    let (held, looks) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (read, counted) = (Arc::clone(&held), Arc::clone(&looks));
    let reader = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Some(read.load(Ordering::Relaxed))
    };
    (Watermark::new(100, Box::new(reader)), held, looks)
}

#[tokio::test(start_paused = true)]
async fn chats_are_let_in_up_to_the_watermark_and_again_once_there_is_room() {
    let (watermark, held, looks) = process();
    held.store(80, Ordering::Relaxed);
    assert!(watermark.admit(Some(0)).is_some());
    assert!(watermark.admit(Some(1)).is_none());
    held.store(10, Ordering::Relaxed);
    for _ in 0..50 {
        assert!(watermark.admit(Some(1)).is_none());
    }
    assert_eq!(looks.load(Ordering::Relaxed), 1, "it is not looked at for each chat");
    tokio::time::advance(LOOK).await;
    assert!(watermark.admit(Some(1)).is_some());
    assert_eq!(looks.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_still_to_come_count() {
    let (watermark, held, _) = process();
    let unread = watermark.admit(Some(20)).unwrap();
    let read = watermark.admit(Some(10)).unwrap();
    drop(read);
    // 40 are to come, and 20 have come since the look.
    assert!(watermark.admit(Some(11)).is_none());
    tokio::time::advance(LOOK).await;
    held.store(25, Ordering::Relaxed);
    assert!(watermark.admit(Some(8)).is_none());
    assert!(watermark.admit(Some(7)).is_some());
    drop(unread);
    tokio::time::advance(LOOK).await;
    assert!(watermark.admit(Some(27)).is_some());
    assert!(watermark.admit(None).is_none(), "a body of which nobody said the size is not small");
}

#[tokio::test(start_paused = true)]
async fn one_at_a_time_is_let_in_for_whom_there_is_no_room() {
    let (watermark, held, _) = process();
    held.store(90, Ordering::Relaxed);
    assert!(watermark.admit(Some(30)).is_none());
    let alone = watermark.admit_alone(Some(30)).unwrap();
    assert!(watermark.admit_alone(Some(30)).is_none());
    drop(alone);
    assert!(watermark.admit_alone(Some(30)).is_some());
}
