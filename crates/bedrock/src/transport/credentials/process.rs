//! A `credential_process`, which may hang, fail or print without end.
//!
//! Source: [process credentials](https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html).

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as Keys;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// Credentials are a few kilobytes at most.
const MAX_OUTPUT: u64 = 64 * 1024;

/// Runs a command and reads the credentials that it prints. What it writes to stderr is not read: it may hold
/// anything. It gets the variables of this process but for those that are withheld.
///
/// # Errors
///
/// What went wrong, in a clause that quotes nothing of the output.
pub(super) async fn run(command: &str, limit: Duration, withheld: &[String]) -> Result<Keys, String> {
    match tokio::time::timeout(limit, output(command, withheld)).await {
        Ok(output) => parse(&output?),
        Err(_) => Err(format!("its `credential_process` did not end within {} s", limit.as_secs())),
    }
}

/// A command and what it has started, all of which end with this value: a shell that is killed leaves its children
/// behind, and one that hangs is started again and again.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // Once it was waited for, its number may be that of others.
        if let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok()) {
            // Fails where all of them have ended.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

async fn output(command: &str, withheld: &[String]) -> Result<Vec<u8>, String> {
    let mut shell = Command::new("sh");
    withheld.iter().for_each(|name| {
        shell.env_remove(name);
    });
    let child = shell
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("its `credential_process` cannot be started: {error}"))?;
    let mut group = Group(child);
    let mut output = Vec::new();
    if let Some(stdout) = group.0.stdout.take() {
        let mut stdout = stdout.take(MAX_OUTPUT + 1);
        stdout
            .read_to_end(&mut output)
            .await
            .map_err(|error| format!("its `credential_process` cannot be read: {error}"))?;
    }
    if u64::try_from(output.len()).is_ok_and(|length| length > MAX_OUTPUT) {
        return Err(format!("its `credential_process` printed more than {} KiB", MAX_OUTPUT / 1024));
    }
    let status = group
        .0
        .wait()
        .await
        .map_err(|error| format!("its `credential_process` cannot be waited for: {error}"))?;
    if status.success() {
        return Ok(output);
    }
    let how = status.code().map_or("was killed".to_owned(), |code| format!("ended with status {code}"));
    Err(format!("its `credential_process` {how}; run the command by hand to see what it says"))
}

pub(in crate::transport) fn parse(output: &[u8]) -> Result<Keys, String> {
    let wrong = |what: &str| format!("its `credential_process` printed {what}");
    let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(output) else {
        return Err(wrong("something that is not a JSON object"));
    };
    let text = |name: &str| {
        let member = members.iter().find(|(member, _)| member.eq_ignore_ascii_case(name));
        member.and_then(|(_, value)| value.as_str()).filter(|text| !text.is_empty())
    };
    if members.get("Version").and_then(Value::as_u64) != Some(1) {
        return Err(wrong("no `\"Version\": 1`"));
    }
    let missing = |name: &str| wrong(&format!("no `{name}`"));
    let id = text("AccessKeyId").ok_or_else(|| missing("AccessKeyId"))?;
    let secret = text("SecretAccessKey").ok_or_else(|| missing("SecretAccessKey"))?;
    let expiry = match text("Expiration") {
        None => None,
        Some(text) => Some(time(text).ok_or_else(|| wrong("an `Expiration` that is not a time"))?),
    };
    let token = text("SessionToken").map(ToOwned::to_owned);
    Ok(Keys::new(id, secret, token, expiry, "process"))
}

fn time(text: &str) -> Option<SystemTime> {
    DateTime::from_str(text, Format::DateTimeWithOffset).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::kill;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_process_gives_keys_or_says_what_is_wrong_without_quoting_it() {
        let good = r#"echo '{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"s","SessionToken":"t","Expiration":"2030-01-02T03:04:05+02:00"}'"#;
        let keys = run(good, LIMIT, &[]).await.unwrap();
        assert_eq!((keys.access_key_id(), keys.session_token()), ("AKIAPROCESS", Some("t")));
        let expiry = keys.expiry().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(expiry.as_secs(), 1_893_546_245);
        for (command, said) in [
            ("echo canary >&2; exit 3", "ended with status 3"),
            ("kill -9 $$", "was killed"),
            ("echo canary", "not a JSON object"),
            ("yes canary", "more than 64 KiB"),
            (r#"echo '{"AccessKeyId":"canary","SecretAccessKey":"s"}'"#, "no `\"Version\": 1`"),
            (r#"echo '{"Version":1,"SecretAccessKey":"canary"}'"#, "no `AccessKeyId`"),
            (r#"echo '{"Version":1,"AccessKeyId":"canary","SecretAccessKey":""}'"#, "no `SecretAccessKey`"),
            (
                r#"echo '{"Version":1,"AccessKeyId":"i","SecretAccessKey":"s","Expiration":"canary"}'"#,
                "not a time",
            ),
        ] {
            let error = run(command, LIMIT, &[]).await.unwrap_err();
            assert!(error.contains(said) && !error.contains("canary"), "{command}: {error}");
        }
    }

    #[tokio::test]
    async fn a_process_that_hangs_is_given_up() {
        let error = run("exec sleep 1000", Duration::from_millis(50), &[]).await.unwrap_err();
        assert!(error.contains("did not end within"), "{error}");
    }

    #[tokio::test]
    async fn what_a_process_that_is_given_up_has_started_ends_with_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let command = format!("sleep 1000 & echo $! >{}; wait", file.path().display());
        let running = run(&command, LIMIT, &[]);
        let started = async {
            loop {
                let text = std::fs::read_to_string(file.path()).unwrap();
                if let Some(id) = text.strip_suffix('\n') {
                    return Pid::from_raw(id.parse().unwrap());
                }
                tokio::task::yield_now().await;
            }
        };
        let child = tokio::select! {
            keys = running => panic!("it ended with {keys:?}"),
            child = started => child,
        };
        // It is no child of ours: whoever takes it over sees its end, which nobody may be there for.
        let state = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        while kill(child, None).is_ok() && !state().contains(") Z ") {
            tokio::task::yield_now().await;
        }
    }
}
