//! The rows: what goes wrong, what the gateway does, and what shows it.

use crate::case::Run;
use crate::{bodies, clients, connect, credentials, heads, load, names, process, record, streams};

/// One fault.
#[derive(Debug)]
pub(crate) struct Row {
    /// The name of its test, which begins with its number.
    pub(crate) name: &'static str,
    pub(crate) fault: &'static str,
    /// What the gateway does.
    pub(crate) does: &'static str,
    pub(crate) how: How,
}

/// What shows that it does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    /// Cases of this target, of which an ordinary run takes a part.
    Run(&'static str),
    /// Cases of this target that only a whole run takes.
    Whole(&'static str),
    /// A test of another target: its file below `crates`, and its name.
    Held(&'static str, &'static str),
    /// A check of the built binary: its file below `tests`, and its name.
    Outside(&'static str, &'static str),
}

macro_rules! how {
    ((run $function:path, $by:literal)) => {
        How::Run($by)
    };
    ((whole $function:path, $by:literal)) => {
        How::Whole($by)
    };
    ((held $file:literal, $test:literal)) => {
        How::Held($file, $test)
    };
    ((outside $file:literal, $test:literal)) => {
        How::Outside($file, $test)
    };
}

macro_rules! test {
    ($name:ident (run $function:path, $by:literal)) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let run = Run::from_environment();
            Box::pin(record::kept(stringify!($name), run.seed, $function(run))).await;
        }
    };
    ($name:ident (whole $function:path, $by:literal)) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "takes its time: `cargo xtask faults`"]
        async fn $name() {
            let run = Run::from_environment();
            Box::pin(record::kept(stringify!($name), run.seed, $function(run))).await;
        }
    };
    ($name:ident (held $file:literal, $test:literal)) => {
        #[test]
        fn $name() {
            crate::table::holds($file, $test);
            record::held(stringify!($name), $file, $test);
        }
    };
    ($name:ident (outside $file:literal, $test:literal)) => {
        #[test]
        fn $name() {
            crate::table::holds_outside($file, $test);
            record::outside(stringify!($name));
        }
    };
}

macro_rules! rows {
    ($($name:ident $fault:literal => $does:literal $how:tt)*) => {
        /// Every row, in the order of its number.
        pub(crate) const ROWS: &[Row] =
            &[$(Row { name: stringify!($name), fault: $fault, does: $does, how: how!($how) }),*];
        $(test!($name $how);)*
    };
}

rows! {
    f01_nobody_listens "Nobody listens at the upstream's port" =>
        "502 `upstream_unreachable` after `max_attempts`; served again as soon as somebody does"
        (run connect::closed, "a port of the kit that is opened later")
    f02_packets_are_lost "Packets that ask for a connection are lost" =>
        "504 `upstream_connect_timeout`, each try within `connect_timeout`; served again as soon as they arrive"
        (run connect::deaf, "a listener whose queue is full")
    f03_nothing_but_a_connection "A connection is taken, and nothing comes" =>
        "504 `upstream_timeout`, one call; the connection is closed"
        (run connect::hang, "the proxy takes and keeps still")
    f03_a_connection_that_is_reset "A connection is taken and reset" =>
        "502 `upstream_unreachable`, or `upstream_error` where it was there for a moment; tried again as far as that allows"
        (run connect::refused, "the proxy takes and resets")
    f04_no_such_name "The endpoint's name does not exist" =>
        "502 `upstream_unreachable`; the reply says nothing of the resolver"
        (run connect::no_such_name, "a name that no server of names is asked for")
    f05_a_slow_server_of_names "The server of names answers late" =>
        "504 `upstream_connect_timeout`: the name counts towards `connect_timeout`; one look-up at a time, whose answer \
         the next request gets"
        (run names::slow, "a server of names of the kit, as root")
    f06_names_that_change "A name leads to a dead address for a while, or elsewhere" =>
        "served as soon as it leads back; one failed request for a connection that was kept and is dead without a word"
        (run names::changing, "a server of names of the kit, as root")
    f07_a_dead_address_of_two "One of two addresses of a name is dead: refuses, or loses packets" =>
        "the other one is taken, within `connect_timeout`"
        (run names::one_of_two, "a server of names of the kit, as root")
    f08_certificates "The upstream's certificate has expired, is of another host, or signed by nobody" =>
        "502 `upstream_tls`; nothing is sent, and never without encryption"
        (run connect::certificates, "an authority and a server of the test's own; a good certificate is served")
    f09_a_reset_before_the_head "Reset before the head of the reply" =>
        "one more call, then 502 `upstream_error`"
        (run heads::reset, "scripts; resets at random bytes of the head")
    f10_an_end_before_the_head "End of the connection before the head" =>
        "one more call, then 502 `upstream_error`"
        (run heads::end, "scripts; ends at random bytes of the head")
    f11_a_stale_connection "An idle connection ends as the request is written" =>
        "sent again on a new connection; answered once"
        (run heads::stale, "the proxy cuts a used connection under the request")
    f11_several_stale_connections "Several idle connections have ended, and the request goes over one of them" =>
        "sent again once, and on a new connection; answered once"
        (run heads::stale_ones, "the proxy cuts two used connections under the request")
    f12_a_head_that_drips "The head of the reply drips" =>
        "504 `upstream_timeout` after `first_event_timeout`, or `request_timeout` where it is not streamed; one call"
        (run heads::drip, "the proxy passes a byte at a time")
    f13_a_flood_of_headers "25 MB of headers" =>
        "502 `upstream_error`, one call; memory stays"
        (run heads::flood, "scripts; the size of the process")
    f14_no_http "Garbage, HTTP/0.9, 101, ten thousand interim replies" =>
        "502 `upstream_error`"
        (run heads::garbage, "scripts")
    f15_a_redirect "A redirect" =>
        "not followed; 502 `upstream_error`, one call"
        (run heads::redirect, "scripts; a listener at the address that nobody calls")
    f16_a_page "200 with an HTML page" =>
        "502 `upstream_error`, one call; nothing of the page is passed on"
        (run heads::page, "scripts")
    f17_a_body_that_ends_early "A whole reply ends early" =>
        "502 `upstream_incomplete`; one call, because it is billed"
        (run bodies::cut_in_order, "the proxy cuts at random bytes; every byte in the whole run")
    f18_a_body_that_is_reset "A whole reply is reset" =>
        "502 `upstream_incomplete`; one call once its head was read"
        (run bodies::cut_by_reset, "the proxy resets at random bytes; every byte in the whole run")
    f19_a_body_that_stalls "A whole reply stalls" =>
        "504 `upstream_timeout` after `idle_timeout`, one call; the connection is closed"
        (run bodies::stall, "the proxy holds bytes back from random ones on")
    f20_a_slow_head "The reply takes its time" =>
        "waited for"
        (run bodies::slow, "the proxy delays every write")
    f21_a_body_without_end "A reply of 600 MB" =>
        "502 `upstream_too_large` at 16 MiB; memory stays"
        (run bodies::large, "scripts; the size of the process")
    f22_replies_of_another_shape "Members that are unknown, missing or of another type" =>
        "unknown ones are passed over; without a message 502 `upstream_error`"
        (run bodies::shapes, "scripts")
    f23_a_compressed_body "A compressed reply that nobody asked for" =>
        "502 `upstream_error`; nothing is unpacked"
        (run bodies::compressed, "scripts")
    f24_an_exception_at_the_start "An exception before the first event" =>
        "its own status; one call"
        (run streams::exceptions_first, "scripts")
    f25_an_exception_in_the_middle "An exception after some text" =>
        "an error event with its code, no `[DONE]`; one call"
        (run streams::exceptions_later, "scripts")
    f26_an_end_without_a_stop "A stream ends in order without `messageStop`" =>
        "an error event `upstream_incomplete`, no `[DONE]`"
        (run streams::no_stop, "scripts")
    f27_a_stream_that_is_cut "A stream is cut anywhere: end, reset, or a last chunk" =>
        "before the first event 502, then an error event; after `messageStop` a complete answer"
        (run streams::cuts, "the proxy cuts at random bytes; every byte in the whole run")
    f28_a_damaged_frame "A bit of a frame is wrong, or a header of it" =>
        "an error event `upstream_corrupt`; no altered text"
        (run streams::damage, "the proxy flips random bits; every bit of a frame in the whole run")
    f29_a_wrong_length "A frame says that it is 0 bytes, 15 bytes or gigabytes long" =>
        "an error event `upstream_corrupt` at once; memory stays"
        (run streams::lengths, "frames of the kit")
    f30_a_stream_that_stalls "A stream falls silent" =>
        "an error event `upstream_timeout` after `idle_timeout`; the connection is closed"
        (run streams::stall, "scripts")
    f31_a_frame_that_drips "A frame drips and is never complete" =>
        "an error event `upstream_timeout`: what counts are events, not bytes"
        (run streams::drip, "the proxy passes a byte at a time within a frame")
    f32_unknown_events "Events, pieces and exceptions of unknown kinds" =>
        "passed over; an unknown exception is an error event"
        (run streams::unknown, "scripts")
    f33_events_out_of_order "Events out of order, twice, or of blocks that never began" =>
        "an error event `upstream_protocol`, or the same text in spite of it; never a defect"
        (run streams::disorder, "scripts")
    f34_half_characters "A character that is split between two events" =>
        "an error event; never a replacement character"
        (run streams::half_characters, "frames of the kit")
    f35_a_burst "100,000 small events at once, and one of 900 KiB" =>
        "delivered; memory stays"
        (run streams::burst, "scripts; the size of the process")
    f36_text_like_events "Text that looks like server-sent events" =>
        "delivered as text"
        (run streams::injection, "scripts")
    f37_a_storm_of_refusals "429 for all calls of hundreds of clients" =>
        "429 with `retry-after`; what is called again is bound by the model's budget; served as soon as AWS serves"
        (run load::storm, "scripts")
    f38_one_model_fails "503 or silence of one model alone" =>
        "the other models are not affected"
        (run load::one_model, "scripts for one model; a call that waits at a gate")
    f38_one_region_refuses "429 of one region to everything, behind a worker" =>
        "no client gets an error, whole or streamed; one call in each time that the region is left out for"
        (held "runtime/tests/it/workers.rs", "a_region_that_throttles_everything_costs_no_client_an_error_and_one_call_a_window")
    f38_one_region_refuses_for_long "The same, over several of those times" =>
        "one call in each, by one request at a time"
        (held "routing/src/router/tests/faults.rs", "one_throttled_leg_costs_one_call_a_window_for_whole_and_streamed_answers")
    f39_everybody_again_at_once "503 to all clients at the same moment" =>
        "repeated calls are spread at random"
        (held "bedrock/src/transport/retry.rs", "what_failed_at_the_same_time_comes_back_spread_out")
    f40_no_place_left "More chats than `--max-in-flight`" =>
        "some wait for a second at most, the others get 503 `server_overloaded` at once; no running answer fails"
        (run load::full, "calls that wait at a gate")
    f41_credentials_end_early "AWS finds the session token expired" =>
        "renewed once, signed once more, answered: two calls"
        (run credentials::rejected, "a metadata service of the kit; scripts")
    f41_credentials_end_for_many "The same for 40 requests at once" =>
        "renewed once for all of them"
        (held "runtime/tests/credentials/refresh.rs", "rejected_credentials_are_renewed_once_for_all")
    f42_no_renewal "Credentials cannot be renewed: errors, nonsense, refusals, silence" =>
        "what is held stays in use beyond its end, and a warning a minute"
        (run credentials::no_renewal, "a metadata service of the kit")
    f43_no_credentials_at_the_start "No metadata service at the start" =>
        "the process starts, `/v1/ready` is 503 and says why, 503 `upstream_credentials_unavailable`; served within 5 s \
         once it is there"
        (run credentials::none_at_first, "a port of the kit that is opened later")
    f43_silence_at_the_start "A metadata service that does not answer, and 200 requests that wait for it" =>
        "503 `upstream_credentials_unavailable` after 2.5 s; one search for all of them"
        (run credentials::silence_at_first, "a metadata service of the kit that waits at a gate")
    f44_credentials_that_are_over "The metadata service gives credentials that are over" =>
        "used, as AWS may accept them, and not asked for again at once"
        (run credentials::over_when_they_come, "a metadata service of the kit")
    f44_metadata_that_cannot_be_used "The metadata service fails, or answers nonsense" =>
        "told with what to do; the process lives"
        (held "runtime/tests/credentials/failures.rs", "metadata_services_that_do_not_serve")
    f45_rotation "A profile is rotated under load" =>
        "no request fails; the new key at once, and the old one never after"
        (run credentials::rotation, "a file that is renamed while clients ask")
    f45_a_rotation_by_refusal "The same, and AWS refuses the old key" =>
        "read again by the first refusal; no request is lost"
        (held "runtime/tests/credentials/refresh.rs", "a_profile_that_was_rotated_is_read_again")
    f46_web_identities "The token file of a web identity is missing, a folder, 10 MB, or renewed" =>
        "503 `upstream_credentials_unavailable`, and the log says what to do; served once it is right; a new token is read"
        (run credentials::web_identities, "files; STS of the kit")
    f47_a_clock_that_is_off "The machine's clock is ten minutes off" =>
        "signed by AWS's clock from the second call on, and a warning"
        (run credentials::clock, "an emulator whose clock is ten minutes ahead, or behind")
    f48_a_clock_that_jumps "The machine's clock jumps by an hour, ahead and back" =>
        "no stream ends; signed by AWS's clock from the second call on; credentials are searched for no more often"
        (run credentials::jumps, "libfaketime; streams that wait at a gate")
    f49_processes "A credential process fails, prints without end, or never ends" =>
        "503 `upstream_credentials_unavailable`; ended after its time with all that it started; told without what it wrote"
        (run credentials::processes, "commands in a profile")
    f50_a_client_goes_before_the_head "The client goes before the head" =>
        "the call ends with it, and is not made again; `client_closed`"
        (run clients::before_the_head, "clients by hand, by an end and by a reset")
    f51_a_client_goes_in_the_middle "The client goes in the middle of a stream" =>
        "the call ends with it; `client_closed`"
        (run clients::in_the_middle, "clients by hand, by an end and by a reset")
    f52_a_client_goes_from_a_whole_answer "The client goes while a whole reply is read" =>
        "the call ends with it; `client_closed`"
        (run clients::of_a_whole_answer, "clients by hand, by an end and by a reset")
    f53_a_slow_reader "A client does not read for a while" =>
        "the upstream is held back, and not blamed; memory stays; the whole answer once it reads"
        (run clients::slow_reader, "a client that does not read; the size of the process")
    f54_slow_readers "300 clients do not read" =>
        "at most 512 KiB each; after 30 s their connections and calls end"
        (whole clients::slow_readers, "clients by hand; the size of the process")
    f55_slow_senders "100 heads and 100 bodies that never end" =>
        "closed after 10 s, 408 after 30 s; others are served meanwhile"
        (whole clients::slow_senders, "clients by hand; with shorter times in crates/runtime/tests/it/limits.rs")
    f56_a_flood_of_connections "More connections than `--max-connections`" =>
        "they wait; open ones are served"
        (run clients::many_connections, "clients by hand")
    f57_a_half_closed_connection "A client ends its side and waits for the answer" =>
        "taken for a client that goes, which looks the same: the call ends with it"
        (run clients::half_closed, "clients by hand")
    f58_many_requests_in_one_write "Hundreds of requests in one write" =>
        "each is answered once, in order"
        (run clients::pipelined, "clients by hand")
    f59_floods_of_http2 "Floods of HTTP/2: resets, continuations, settings" =>
        "bounded work, few calls to the upstream"
        (outside "hostile/test_http2.py", "test_a_flood_costs_little_and_harms_nobody_else")
    f60_a_drain "SIGTERM while streams run" =>
        "no new connection, every stream ends with `[DONE]`, exit code 0"
        (run process::drain, "streams that wait at a gate")
    f61_a_drain_that_takes_too_long "Streams that run longer than `shutdown_timeout`" =>
        "an error event `server_shutting_down` in each, their calls end, exit code 0"
        (run process::cut_off, "streams that wait at a gate")
    f62_a_second_signal "A second signal while streams run; SIGHUP and SIGPIPE" =>
        "an error event `server_shutting_down`, the end at once, exit code 1; SIGHUP loads the manifest, SIGPIPE is nothing"
        (run process::signals, "streams that wait at a gate")
    f63_a_kill "SIGKILL, and a start on the same port" =>
        "serves"
        (run process::killed, "signals")
    f64_a_reload "The manifest changes while streams run: wrong, half-written, deleted, valid, swapped behind links, saved in bursts" =>
        "with problems nothing changes, and they are told; a valid one is served from the next request on; no stream ends"
        (run process::reload, "files that are written, renamed and linked; streams that wait at a gate")
    f64_requests_during_reloads "The manifest changes while requests begin" =>
        "each is answered by one manifest, the old or the new one; none fails"
        (held "runtime/tests/it/reload.rs", "no_request_fails_while_manifests_come_and_go")
    f65_no_descriptors "No file descriptors are left" =>
        "running streams go on; served again once some are free"
        (run process::descriptors, "`ulimit`, clients by hand")
    f66_no_memory "Little memory" =>
        "503 for new chats above a share of the limit; running answers go on"
        (held "runtime/tests/it/overload.rs", "a_process_that_holds_too_much_memory_refuses_chats_and_goes_on_with_those_it_has")
    f66_many_bodies "512 bodies of a MiB, and a process that may hold, or address, fewer" =>
        "some are read, the others get 503; the process lives"
        (held "runtime/tests/it/memory.rs", "five_hundred_bodies_of_a_mebibyte_do_not_end_a_process_of_little_memory")
    f67_a_full_disk "The disk behind the logs is full" =>
        "requests are not affected"
        (run process::full_disk, "`/dev/full` as both outputs")
    f67_logs_that_nobody_reads "The pipe behind the logs is full" =>
        "requests are not affected; lines that find no room are dropped and counted; the process ends when it is told to"
        (held "runtime/tests/it/logs.rs", "requests_are_answered_and_the_process_ends_though_nobody_reads_the_log")
    f68_a_defect "A handler panics" =>
        "500 `internal_error` to that request; the process lives"
        (held "runtime/tests/it/limits.rs", "a_defect_is_one_requests_alone")
    f68_a_defect_in_a_stream "The same in the middle of a stream" =>
        "an error event `internal_error` after what was whole; the connection and the process live"
        (held "runtime/tests/it/limits.rs", "a_defect_in_the_middle_of_a_stream_is_told_and_leaves_nothing")
}
