//! Who is asked while all is well.

use proptest::prelude::*;

use super::*;

async fn of_session(router: &Router, session: &str) -> String {
    let request = Request { session: Some(session.to_owned()), ..Request::default() };
    told(&router.complete(request).await.unwrap().head).0
}

#[tokio::test]
async fn the_lowest_order_answers_and_the_text_decides_among_equals() {
    let (router, _) = router(&[("third", 9, None), ("first", 0, None), ("second", 4, None)]);
    for _ in 0..3 {
        assert_eq!(ask(&router).await.unwrap(), ("first".to_owned(), vec![]));
    }
    assert!(!router.keeps_sessions());
}

#[tokio::test]
async fn without_weights_they_take_turns() {
    let (router, models) = router(&[("a", 0, None), ("b", 0, None), ("c", 0, None)]);
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(who(&router).await);
    }
    assert_eq!(seen, ["a", "b", "c", "a", "b", "c"]);
    models[1].always(fail(ErrorKind::Unreachable));
    let mut seen = BTreeMap::new();
    for _ in 0..100 {
        *seen.entry(who(&router).await).or_insert(0_u32) += 1;
    }
    assert_eq!(seen["a"] + seen["c"], 100);
    assert!(seen["a"].abs_diff(seen["c"]) <= 2, "the others share what was its: {seen:?}");
    assert_eq!(models[1].asked().len(), 2 + 1);
}

#[tokio::test]
async fn weights_are_shares_with_and_without_sessions() {
    let (router, _) = router(&[("a", 0, Some(3)), ("b", 0, Some(1))]);
    let (mut turns, mut sessions) = (0, 0);
    for index in 0..4000 {
        turns += u32::from(who(&router).await == "a");
        sessions += u32::from(of_session(&router, &format!("session-{index}")).await == "a");
    }
    for (form, count) in [("turns", turns), ("sessions", sessions)] {
        assert!((2880..=3120).contains(&count), "{form}: {count} of 4000 are not three quarters");
    }
}

#[tokio::test]
async fn orders_and_weights_combine() {
    let (router, models) = router(&[("spare", 2, None), ("a", 1, Some(1)), ("b", 1, Some(9))]);
    for _ in 0..20 {
        assert_ne!(who(&router).await, "spare");
    }
    models[1].always(fail(ErrorKind::Throttled));
    models[2].always(fail(ErrorKind::Throttled));
    let (answered, passed) = ask(&router).await.unwrap();
    assert_eq!((answered.as_str(), passed.len()), ("spare", 2), "the whole order comes before the next");
}

#[tokio::test]
async fn a_session_stays_where_it_is_in_every_process_and_moves_only_with_its_leg() {
    let legs = [("a", 0, None), ("b", 0, None), ("c", 0, None)];
    let (one, models) = router(&legs);
    // Another process, with another order of the text and other turns behind it.
    let (other, _) = router(&[legs[2], legs[0], legs[1]]);
    who(&other).await;
    let mut homes = BTreeMap::new();
    for index in 0..60 {
        let session = format!("user-{index}");
        let home = of_session(&one, &session).await;
        for router in [&one, &other] {
            assert_eq!(of_session(router, &session).await, home);
        }
        homes.insert(session, home);
    }
    let count = |name: &str| homes.values().filter(|home| *home == name).count();
    assert!(count("a") > 9 && count("b") > 9 && count("c") > 9, "{homes:?}");
    models[0].is(Readiness::Error("gone".into()));
    for (session, home) in &homes {
        let now = of_session(&one, session).await;
        assert!(now == *home || home == "a" && now != "a", "{session} went from {home} to {now}");
    }
    models[0].is(Readiness::Ready);
    for (session, home) in &homes {
        assert_eq!(of_session(&one, session).await, *home, "and back");
    }
}

#[test]
fn who_prefers_whom_is_fixed_for_all_time() {
    // Other numbers would move every session of a fleet at its next update.
    assert_eq!(hash("session-1"), 0xdf01_6efc_657a_36d2);
    assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
}

proptest! {
    #[test]
    fn a_session_moves_only_where_its_leg_goes_and_comes_back_with_it(
        weights in proptest::collection::vec(1_u32..10, 2..7),
        session in "[a-z]{1,8}",
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<bool>()), 1..60),
    ) {
        let names: Vec<String> = (0..weights.len()).map(|index| format!("leg-{index}")).collect();
        let legs: Vec<_> = names.iter().zip(&weights).map(|(name, weight)| (name.as_str(), 0, Some(*weight))).collect();
        let (router, models) = router(&legs);
        let preferred = || -> Vec<String> {
            router.plan(Some(&session), Instant::now()).iter().map(|leg| leg.name.to_string()).collect()
        };
        let order = preferred();
        prop_assert_eq!(order.len(), weights.len());
        let mut well = vec![true; models.len()];
        for (who, is_well) in changes {
            let who = who.index(models.len());
            well[who] = is_well;
            models[who].is(if is_well { Readiness::Ready } else { Readiness::Initializing });
            // The same preference, without those that are away.
            let there = |name: &&String| names.iter().zip(&well).any(|(other, well)| other == *name && *well);
            let left: Vec<String> = order.iter().filter(there).cloned().collect();
            prop_assert_eq!(preferred(), left);
        }
    }
}
