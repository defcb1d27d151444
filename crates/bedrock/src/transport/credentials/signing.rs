//! Keys that sign, and what the signatures of one day share.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use aws_credential_types::Credentials as Keys;
use aws_sigv4::sign::v4::generate_signing_key;
use aws_smithy_types::date_time::{DateTime, Format};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::HeaderValue;
use sha2::Sha256;

use super::check;
use crate::transport::sign::push_hex;

/// The service that signatures are for; its endpoint has another name.
const SERVICE: &str = "bedrock";

const DAY: u64 = 24 * 60 * 60;

/// A key pair, and the key that a day's signatures are made with: it takes four hashes, and is the same all day.
pub(in crate::transport) struct SigningKeys {
    keys: Keys,
    token: Option<HeaderValue>,
    today: ArcSwapOption<Day>,
}

/// One day in one region.
struct Day {
    number: u64,
    region: String,
    /// `20260131`.
    date: String,
    /// `20260131/us-east-1/bedrock/aws4_request`.
    scope: String,
    key: Hmac<Sha256>,
}

/// A moment of a day, to sign at.
pub(in crate::transport) struct Moment {
    day: Arc<Day>,
    /// `20260131T235959Z`.
    pub(in crate::transport) time: String,
}

impl SigningKeys {
    /// Takes keys.
    ///
    /// # Errors
    ///
    /// Why they cannot be used: a request could not be signed with them.
    pub(in crate::transport) fn new(keys: Keys) -> Result<Self, &'static str> {
        check(&keys)?;
        let token = keys.session_token().map(HeaderValue::from_str).transpose();
        let mut token = token.map_err(|_| "the session token holds characters that no header may hold")?;
        if let Some(token) = &mut token {
            token.set_sensitive(true);
        }
        Ok(Self { keys, token, today: ArcSwapOption::empty() })
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The session token as a header, where there is one.
    pub(in crate::transport) fn token(&self) -> Option<&HeaderValue> {
        self.token.as_ref()
    }

    /// Prepares a signature; `None` for times that no date has.
    pub(in crate::transport) fn at(&self, time: SystemTime, region: &str) -> Option<Moment> {
        let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        let number = seconds / DAY;
        let known = self.today.load_full().filter(|day| day.number == number && day.region == region);
        let day = match known {
            Some(day) => day,
            None => {
                let day = Arc::new(self.day(number, region)?);
                self.today.store(Some(Arc::clone(&day)));
                day
            }
        };
        let [hours, minutes, seconds] = [seconds % DAY / 3600, seconds / 60 % 60, seconds % 60];
        let time = format!("{}T{hours:02}{minutes:02}{seconds:02}Z", day.date);
        Some(Moment { day, time })
    }

    fn day(&self, number: u64, region: &str) -> Option<Day> {
        let midnight = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(number.checked_mul(DAY)?))?;
        let date = DateTime::from(midnight).fmt(Format::DateTime).ok()?;
        let date: String = date.chars().take_while(|c| *c != 'T').filter(char::is_ascii_digit).collect();
        let scope = format!("{date}/{region}/{SERVICE}/aws4_request");
        let key = generate_signing_key(self.keys.secret_access_key(), midnight, region, SERVICE);
        let key = Hmac::new_from_slice(key.as_ref()).ok()?;
        Some(Day { number, region: region.to_owned(), date, scope, key })
    }

    /// The value of `authorization` for a canonical request with this hash, in hexadecimal.
    pub(in crate::transport) fn authorization(
        &self,
        moment: &Moment,
        signed_headers: &str,
        canonical_request: &str,
    ) -> String {
        let Moment { day, time } = moment;
        let scope = &day.scope;
        let mut mac = day.key.clone();
        for part in ["AWS4-HMAC-SHA256\n", time, "\n", scope, "\n", canonical_request] {
            mac.update(part.as_bytes());
        }
        let mut authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed_headers}, Signature=",
            self.keys.access_key_id()
        );
        push_hex(&mut authorization, &mac.finalize().into_bytes());
        authorization
    }
}
