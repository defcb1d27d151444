//! A router whose legs are routers: a worker's model in several regions.

use super::*;

/// A leg of an order.
fn leg(name: &str, order: u32, model: Arc<dyn ChatModel>) -> Leg {
    Leg {
        name: Arc::from(name),
        region: None,
        order,
        weight: None,
        model,
        breaker: Arc::default(),
        limiter: None,
    }
}

/// A worker of a model in two regions, and of a spare.
fn worker() -> (Router, Vec<Arc<Scripted>>, Arc<Scripted>) {
    let (inner, regions) = router(&[("nova", 1, None), ("nova", 2, None)]);
    let spare = Scripted::new();
    let legs = vec![leg("nova", 1, Arc::new(inner)), leg("spare", 2, Arc::<Scripted>::clone(&spare))];
    (Router::new(legs), regions, spare)
}

#[tokio::test(start_paused = true)]
async fn a_router_is_a_leg_that_asks_its_own_legs_once_each() {
    let (outer, regions, _) = worker();
    regions[0].next(fail(ErrorKind::Throttled));
    assert_eq!(ask(&outer).await.unwrap(), ("nova".to_owned(), vec!["nova throttled".to_owned()]));
    assert_eq!(regions[1].asked(), [Attempts::Single]);
    regions[1].next(fail(ErrorKind::Unreachable));
    let (answered, passed) = ask(&outer).await.unwrap();
    assert_eq!((answered.as_str(), passed), ("spare", vec!["nova unreachable".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_while_all_regions_fail_go_to_the_spare_as_they_are() {
    let (outer, regions, spare) = worker();
    let connections = [(); 2].map(|()| Arc::new(tokio::sync::Semaphore::new(0)));
    for (region, connections) in regions.iter().zip(&connections) {
        region.always(Script::Connect(Arc::clone(connections), Some(ErrorKind::Throttled)));
    }
    let counted = Arc::new(Counted::default());
    let request = || Request {
        metadata: vec![("of".to_owned(), "the client".to_owned())],
        calls: chat::Calls::seen_by(Arc::<Counted>::clone(&counted)),
        ..Request::default()
    };
    let asking = futures_util::future::join_all((0..50).map(|_| outer.complete(request())));
    let connecting = async {
        for connections in &connections {
            // All of them wait by now. One is throttled, and after that the others are connected.
            tokio::time::sleep(Duration::from_secs(1)).await;
            connections.add_permits(1);
            tokio::time::sleep(Duration::from_secs(1)).await;
            connections.add_permits(49);
        }
    };
    let (answers, ()) = futures_util::future::join(asking, connecting).await;
    let mut passed = 0;
    for answer in &answers {
        let (answered, failed) = told(&answer.as_ref().unwrap().head);
        assert_eq!(answered, "spare");
        passed += failed.len();
    }
    assert_eq!((counted.0.load(Ordering::Relaxed), passed), (2, 2), "one call of each region");
    for model in [&regions[0], &regions[1], &spare] {
        let requests = std::mem::take(&mut *model.requests.lock().unwrap());
        assert_eq!(requests.len(), 50);
        assert!(requests.iter().all(|asked| asked.metadata == request().metadata));
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_not_the_last_one_is_kept_back_by_the_workers_gate_as_well() {
    let (inner, regions) = router(&[("nova", 1, None), ("nova", 2, None)]);
    let (nova, direct) = (leg("nova", 1, Arc::new(inner)), Scripted::new());
    // Another worker learns that the model fails, by a request of its own.
    let other = Leg { model: Arc::<Scripted>::clone(&direct), ..nova.clone() };
    let spare = Scripted::new();
    let spares = || leg("spare", 2, Arc::<Scripted>::clone(&spare));
    let (outer, other) = (Router::new(vec![nova, spares()]), Router::new(vec![other, spares()]));
    let connections = Arc::new(tokio::sync::Semaphore::new(0));
    regions[0].always(Script::Connect(Arc::clone(&connections), None));
    let failing = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        direct.next(fail(ErrorKind::Throttled));
        assert_eq!(who(&other).await, "spare");
        connections.add_permits(1);
    };
    let (answered, ()) = futures_util::future::join(ask(&outer), failing).await;
    assert_eq!(answered.unwrap(), ("spare".to_owned(), vec![]));
    assert_eq!((regions[0].asked().len(), regions[1].asked().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_kept_back_goes_on_also_where_its_gate_is_open_again() {
    let (router, first, _) = fallback();
    first.next(Script::Withdraw);
    assert_eq!(ask(&router).await.unwrap(), ("second".to_owned(), vec![]));
    assert_eq!(who(&router).await, "first", "that says nothing of the leg");
}

#[tokio::test(start_paused = true)]
async fn what_a_region_failed_by_is_told_where_the_next_one_was_kept_back() {
    let (outer, regions, _) = worker();
    let connections = Arc::new(tokio::sync::Semaphore::new(0));
    regions[0].next(fail(ErrorKind::Throttled));
    regions[1].always(Script::Connect(Arc::clone(&connections), Some(ErrorKind::Throttled)));
    let asking = futures_util::future::join(ask(&outer), ask(&outer));
    let connecting = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        connections.add_permits(1);
        tokio::time::sleep(Duration::from_secs(1)).await;
        connections.add_permits(1);
    };
    let ((one, other), ()) = futures_util::future::join(asking, connecting).await;
    let throttled = |count| ("spare".to_owned(), vec!["nova throttled".to_owned(); count]);
    // The first one was throttled by both regions; the second one went past the first region, and was kept back.
    assert_eq!((one.unwrap(), other.unwrap()), (throttled(2), throttled(0)));
}

fn broken(repeat: Repeat) -> Script {
    Script::Fail(Error::new(ErrorKind::Upstream, "broke").attempts(1).repeat(repeat))
}

#[tokio::test(start_paused = true)]
async fn two_calls_may_be_paid_for_and_no_third_one_by_way_of_regions() {
    let (safe, doubtful, never) =
        (|| fail(ErrorKind::Throttled), || broken(Repeat::Doubtful), || broken(Repeat::Never));
    // What both regions and the spare do, and how often each is asked.
    for (scripts, asked) in [
        ([doubtful(), doubtful(), Script::Answer], [1, 1, 0]),
        ([doubtful(), never(), Script::Answer], [1, 1, 0]),
        ([never(), Script::Answer, Script::Answer], [1, 0, 0]),
        ([doubtful(), safe(), doubtful()], [1, 1, 1]),
        ([safe(), doubtful(), doubtful()], [1, 1, 1]),
        ([safe(), safe(), doubtful()], [1, 1, 1]),
    ] {
        let (inner, regions) = router(&[("nova", 1, None), ("nova", 2, None)]);
        let (spare, last) = (Scripted::new(), Scripted::new());
        let outer = Router::new(vec![
            leg("nova", 1, Arc::new(inner)),
            leg("spare", 2, Arc::<Scripted>::clone(&spare)),
            leg("last", 3, Arc::<Scripted>::clone(&last)),
        ]);
        let paid = scripts.iter().filter(|script| !matches!(script, Script::Answer)).count();
        let in_doubt = scripts.iter().filter(|script| is_in_doubt(script)).count();
        for (model, script) in [&regions[0], &regions[1], &spare].into_iter().zip(scripts) {
            model.next(script);
        }
        let answer = ask(&outer).await;
        let found = [&regions[0], &regions[1], &spare].map(|model| model.asked().len());
        assert_eq!(found, asked);
        // Only where one call is in doubt, and not two, is there somebody to go on to.
        assert_eq!(last.asked().len(), usize::from(in_doubt == 1 && paid == 3), "{asked:?}");
        assert_eq!(answer.is_ok(), in_doubt == 1 && paid == 3);
        if let Err(error) = answer {
            assert_eq!(error.may_repeat(), Repeat::Never);
        }
    }
}

fn is_in_doubt(script: &Script) -> bool {
    matches!(script, Script::Fail(error) if error.may_repeat() != Repeat::Safe)
}

#[tokio::test(start_paused = true)]
async fn regions_know_of_a_call_that_may_be_paid_for_before_them() {
    let (inner, regions) = router(&[("nova", 1, None), ("nova", 2, None)]);
    let (first, last) = (Scripted::new(), Scripted::new());
    let outer = Router::new(vec![
        leg("first", 1, Arc::<Scripted>::clone(&first)),
        leg("nova", 2, Arc::new(inner)),
        leg("last", 3, Arc::<Scripted>::clone(&last)),
    ]);
    first.next(broken(Repeat::Doubtful));
    regions[0].next(broken(Repeat::Doubtful));
    assert_eq!(ask(&outer).await.unwrap_err().attempt_count(), 2);
    assert!(regions[1].asked().is_empty() && last.asked().is_empty());
    // What they were not in doubt of is no second doubt of the worker's.
    regions[0].next(fail(ErrorKind::Throttled));
    regions[1].next(fail(ErrorKind::Throttled));
    first.next(broken(Repeat::Doubtful));
    assert_eq!(who(&outer).await, "last");
    assert_eq!(last.asked(), [Attempts::SingleInDoubt]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_kept_back_does_not_count_in_its_legs_minute() {
    let (mut first, second) = (leg("first", 1, Scripted::new()), leg("second", 2, Scripted::new()));
    let model = Scripted::new();
    first.model = Arc::<Scripted>::clone(&model);
    first.limiter = Limiter::of(crate::Allowance { requests: Some(2), ..crate::Allowance::default() });
    let router = Router::new(vec![first, second]);
    for _ in 0..5 {
        model.next(Script::Withdraw);
        assert_eq!(ask(&router).await.unwrap(), ("second".to_owned(), vec![]));
    }
    for _ in 0..2 {
        assert_eq!(who(&router).await, "first");
    }
    let full = ("second".to_owned(), vec!["first rate_limit_exceeded".to_owned()]);
    assert_eq!(ask(&router).await.unwrap(), full, "what was called counts");
}
