//! Who is asked when something fails.

use super::*;

const ALL_MOVE_ON: [ErrorKind; 22] = [
    ErrorKind::ModelNotFound,
    ErrorKind::AccessDenied,
    ErrorKind::CredentialsRejected,
    ErrorKind::CredentialsUnavailable,
    ErrorKind::Throttled,
    ErrorKind::AtLimit,
    ErrorKind::QuotaExceeded,
    ErrorKind::ModelNotReady,
    ErrorKind::Overloaded,
    ErrorKind::Upstream,
    ErrorKind::ModelTimeout,
    ErrorKind::ModelError,
    ErrorKind::ModelStreamError,
    ErrorKind::MalformedOutput,
    ErrorKind::Unreachable,
    ErrorKind::ConnectTimeout,
    ErrorKind::Tls,
    ErrorKind::Timeout,
    ErrorKind::Incomplete,
    ErrorKind::Corrupt,
    ErrorKind::Protocol,
    ErrorKind::TooLarge,
];

#[tokio::test(start_paused = true)]
async fn a_leg_that_fails_is_passed_over_and_an_error_of_the_caller_is_not() {
    for kind in ErrorKind::ALL {
        let (router, first, second) = fallback();
        first.next(fail(kind));
        let answer = ask(&router).await;
        if ALL_MOVE_ON.contains(&kind) {
            assert_eq!(answer.unwrap(), ("second".to_owned(), vec![format!("first {}", kind.name())]));
            assert_eq!((first.asked(), second.asked()), (vec![Attempts::Single], vec![Attempts::Configured]));
        } else {
            let error = answer.unwrap_err();
            assert_eq!((error.kind(), error.attempt_count()), (kind, 1));
            assert_eq!(&*error.route().unwrap().leg.model, "first");
            assert!(second.asked().is_empty(), "{}", kind.name());
            assert_eq!(who(&router).await, "first", "and the leg is well");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_throttled_leg_costs_one_call_a_window_for_whole_and_streamed_answers() {
    let (router, first, second) = fallback();
    first.always(fail(ErrorKind::Throttled));
    for _ in 0..20 {
        assert_eq!(who(&router).await, "second");
        let streamed = router.stream(Request::default()).await.unwrap();
        assert_eq!(told(&streamed.head).0, "second");
    }
    assert_eq!(first.asked().len(), 1);
    // 5 s, then 10 s, then 20 s.
    for second_of_window in 1..=34 {
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..5 {
            who(&router).await;
        }
        let expected = usize::from([5, 15].contains(&second_of_window));
        assert_eq!(first.asked().len(), expected, "{second_of_window}");
    }
    first.always(Script::Answer);
    tokio::time::advance(Duration::from_secs(1)).await;
    for _ in 0..3 {
        assert_eq!(who(&router).await, "first", "it is well again");
    }
    assert!(second.asked().len() > 200);
}

#[tokio::test(start_paused = true)]
async fn only_one_request_waits_for_a_leg_on_trial() {
    let (router, first, _) = fallback();
    first.next(fail(ErrorKind::Overloaded));
    who(&router).await;
    tokio::time::advance(Duration::from_secs(5)).await;
    first.next(Script::Hang);
    let mut trial = router.complete(Request::default());
    let waiting = tokio::time::timeout(Duration::from_secs(1), &mut trial).await;
    assert!(waiting.is_err());
    for _ in 0..5 {
        assert_eq!(who(&router).await, "second");
    }
    assert_eq!(first.asked().len(), 2);
    // The client of the trial goes; the next request is the trial.
    drop(trial);
    assert_eq!(who(&router).await, "first");
}

#[tokio::test(start_paused = true)]
async fn routers_to_the_same_model_share_what_is_known_of_it() {
    let (shared, spare) = (Scripted::new(), Scripted::new());
    let breaker = Arc::<Breaker>::default();
    let leg = |name: &str, order, model: &Arc<Scripted>, breaker: &Arc<Breaker>| Leg {
        name: Arc::from(name),
        region: None,
        order,
        weight: None,
        model: Arc::<Scripted>::clone(model),
        breaker: Arc::clone(breaker),
        limiter: None,
    };
    let routers = [(); 2].map(|()| {
        Router::new(vec![leg("shared", 1, &shared, &breaker), leg("spare", 2, &spare, &Arc::default())])
    });
    shared.always(fail(ErrorKind::Unreachable));
    for router in &routers {
        assert_eq!(who(router).await, "spare");
    }
    assert_eq!(shared.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_all_are_left_out_the_one_that_failed_the_longest_ago_is_asked() {
    let (router, first, second) = fallback();
    first.always(fail(ErrorKind::Throttled));
    second.always(fail(ErrorKind::Throttled));
    assert_eq!(ask(&router).await.unwrap_err().attempt_count(), 2);
    first.asked();
    second.asked();
    for (asked_first, asked_second) in [(1, 0), (0, 1), (1, 0)] {
        tokio::time::advance(Duration::from_millis(10)).await;
        assert_eq!(ask(&router).await.unwrap_err().attempt_count(), 1, "one call, with its own retries");
        let one = |count| vec![Attempts::Configured; count];
        assert_eq!((first.asked(), second.asked()), (one(asked_first), one(asked_second)));
    }
    second.always(Script::Answer);
    tokio::time::advance(Duration::from_millis(10)).await;
    assert_eq!(who(&router).await, "second");
    assert_eq!(who(&router).await, "second", "and is no longer left out");
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_the_error_that_says_most_comes_back_with_its_delay() {
    let after = |kind, seconds| {
        let error = Error::new(kind, kind.name()).attempts(1).retry_after(Duration::from_secs(seconds));
        Script::Fail(error)
    };
    let denied = || fail(ErrorKind::AccessDenied);
    let unavailable = || Script::Fail(Error::new(ErrorKind::CredentialsUnavailable, "none"));
    for (one, other, kind, delay, attempts) in [
        (after(ErrorKind::Throttled, 7), after(ErrorKind::Throttled, 9), ErrorKind::Throttled, Some(9), 2),
        (after(ErrorKind::Throttled, 7), denied(), ErrorKind::Throttled, Some(7), 2),
        (after(ErrorKind::Throttled, 7), unavailable(), ErrorKind::Throttled, Some(7), 1),
        (denied(), fail(ErrorKind::Upstream), ErrorKind::Upstream, None, 2),
        (denied(), unavailable(), ErrorKind::AccessDenied, None, 1),
    ] {
        let (router, first, second) = fallback();
        first.next(one);
        second.next(other);
        let error = ask(&router).await.unwrap_err();
        let found = (error.kind(), error.delay().map(|delay| delay.as_secs()), error.attempt_count());
        assert_eq!(found, (kind, delay, attempts));
        assert_eq!(error.route().unwrap().passed.len(), 1);
    }
    let (router, first, second) = fallback();
    first.next(after(ErrorKind::Throttled, 7));
    second.next(fail(ErrorKind::InvalidRequest));
    let error = ask(&router).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "the caller's error is the caller's to know");
}

#[tokio::test(start_paused = true)]
async fn what_was_paid_for_is_not_asked_for_again_and_what_may_have_been_once() {
    let broken = |repeat| {
        let error = Error::new(ErrorKind::Upstream, "broke").attempts(1).repeat(repeat);
        Script::Fail(error)
    };
    let legs = [("a", 1, None), ("b", 2, None), ("c", 3, None)];
    let (router_of_paid, models) = router(&legs);
    models[0].next(broken(Repeat::Never));
    let error = ask(&router_of_paid).await.unwrap_err();
    assert_eq!((error.attempt_count(), models[1].asked().len()), (1, 0));

    let (router_of_doubt, models) = router(&legs);
    models[0].next(broken(Repeat::Doubtful));
    models[1].next(broken(Repeat::Doubtful));
    let error = ask(&router_of_doubt).await.unwrap_err();
    assert_eq!((error.attempt_count(), models[2].asked().len()), (2, 0));

    models[0].next(broken(Repeat::Doubtful));
    models[1].next(fail(ErrorKind::Throttled));
    assert_eq!(who(&router_of_doubt).await, "c");
    assert_eq!(models[2].asked(), [Attempts::SingleInDoubt], "whose own retries might be the third call");
}

#[tokio::test(start_paused = true)]
async fn a_leg_that_is_not_ready_is_not_waited_for() {
    let (router, first, second) = fallback();
    first.is(Readiness::Initializing);
    assert_eq!(ask(&router).await.unwrap(), ("second".to_owned(), vec![]));
    assert_eq!(router.readiness(), Readiness::Ready);
    second.is(Readiness::Error("no keys".into()));
    assert_eq!(router.readiness(), Readiness::Initializing);
    assert_eq!(who(&router).await, "first", "it may become ready while it is asked");
    first.is(Readiness::Error("no role".into()));
    assert_eq!(router.readiness(), Readiness::Error("first: no role; second: no keys".into()));
    assert_eq!(who(&router).await, "first", "and who is not has a reason to give");
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_for_a_connection_do_not_go_to_a_leg_that_has_failed_meanwhile() {
    let (router, first, second) = fallback();
    let connections = Arc::new(tokio::sync::Semaphore::new(0));
    first.always(Script::Connect(Arc::clone(&connections), Some(ErrorKind::Throttled)));
    let counted = Arc::new(Counted::default());
    let request =
        || Request { calls: chat::Calls::seen_by(Arc::<Counted>::clone(&counted)), ..Request::default() };
    let asking = futures_util::future::join_all((0..50).map(|_| router.complete(request())));
    let connecting = async {
        // All of them wait by now.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(first.asked().len(), 50);
        connections.add_permits(1);
        // The failure opens the breaker, and then the others are connected.
        tokio::time::sleep(Duration::from_secs(1)).await;
        connections.add_permits(49);
    };
    let (answers, ()) = futures_util::future::join(asking, connecting).await;
    for answer in &answers {
        assert_eq!(told(&answer.as_ref().unwrap().head).0, "second");
    }
    assert_eq!(counted.0.load(Ordering::Relaxed), 1, "the second model of this test does not count");
    let passed: Vec<_> = answers.iter().map(|answer| told(&answer.as_ref().unwrap().head).1).collect();
    assert_eq!(passed.iter().filter(|passed| !passed.is_empty()).count(), 1, "{passed:?}");
    assert_eq!(second.asked().len(), 50);

    // The next window has its one probe, which is not kept back.
    tokio::time::advance(Duration::from_secs(5)).await;
    connections.add_permits(10);
    first.always(Script::Connect(connections, None));
    assert_eq!(who(&router).await, "first");
    assert_eq!(who(&router).await, "first");
}

#[tokio::test(start_paused = true)]
async fn a_leg_at_its_limit_is_passed_over_without_blame() {
    let models = [Scripted::new(), Scripted::new()];
    let allowance = crate::Allowance { concurrency: Some(1), ..crate::Allowance::default() };
    let limiters = [Limiter::of(allowance), Limiter::of(allowance)];
    let legs = ["first", "second"].iter().zip((0..).zip(&models)).zip(&limiters);
    let legs = legs.map(|((name, (order, model)), limiter)| Leg {
        name: Arc::from(*name),
        region: None,
        order,
        weight: None,
        model: Arc::<Scripted>::clone(model),
        breaker: Arc::default(),
        limiter: limiter.clone(),
    });
    let router = Router::new(legs.collect());
    let stream = || router.stream(Request::default());
    let first = stream().await.unwrap();
    assert_eq!(told(&first.head), ("first".to_owned(), Vec::new()));
    let second = stream().await.unwrap();
    assert_eq!(told(&second.head), ("second".to_owned(), vec!["first rate_limit_exceeded".to_owned()]));
    let full = stream().await.unwrap_err();
    assert_eq!((full.kind(), full.attempt_count()), (ErrorKind::AtLimit, 0));
    assert_eq!(full.message(), "This model is at its limit of concurrent chats: 1.");
    assert_eq!(&*full.route().unwrap().leg.model, "second");
    // A stream holds its place to its end, and nobody was left out.
    drop(first);
    assert_eq!(who(&router).await, "first");
    assert_eq!(who(&router).await, "first", "a whole answer has given it back");
    drop(second);
    models[0].next(fail(ErrorKind::Throttled));
    assert_eq!(who(&router).await, "second");
}

/// How long each of many requests takes, one every 10 ms for a minute, half of them streamed.
async fn times(router: &Router) -> Vec<(Duration, Duration)> {
    let began = Instant::now();
    let asking = (0_u32..6000).map(|number| async move {
        let due = Duration::from_millis(10) * number;
        tokio::time::sleep_until(began + due).await;
        let head = if number % 2 == 0 {
            router.complete(Request::default()).await.unwrap().head
        } else {
            router.stream(Request::default()).await.unwrap().head
        };
        assert_eq!(told(&head).0, "second");
        (due, began.elapsed() - due)
    });
    futures_util::future::join_all(asking).await
}

#[tokio::test(start_paused = true)]
async fn a_throttled_region_adds_one_of_its_answers_to_one_request_a_window_and_nothing_to_others() {
    const REFUSAL: Duration = Duration::from_millis(40);
    const ANSWER: Duration = Duration::from_millis(300);
    let (router, first, second) = fallback();
    let refusal = Error::new(ErrorKind::Throttled, "no").attempts(1);
    first.always(Script::After(REFUSAL, Box::new(Script::Fail(refusal))));
    second.always(Script::After(ANSWER, Box::new(Script::Answer)));
    let mut added = Vec::new();
    let mut late = Vec::new();
    for (due, took) in times(&router).await {
        added.push(took - ANSWER);
        if took > ANSWER {
            late.push(due.as_millis());
        }
    }
    added.sort();
    // Those that were under way as the region began to fail, and then one for each window of 5, 10, 20 and 40 s, which
    // begins with the refusal.
    assert_eq!(late, [0, 10, 20, 30, 5040, 15_080, 35_120]);
    assert_eq!(first.asked().len(), late.len(), "no call was wasted on others");
    assert_eq!(added.last(), Some(&REFUSAL), "and one answer of the region is all that it costs");
    assert_eq!((added[added.len() / 2], added[added.len() * 99 / 100]), (Duration::ZERO, Duration::ZERO));
}
