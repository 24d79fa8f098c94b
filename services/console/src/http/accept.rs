//! Which form of an answer is wanted (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

/// The one of `offered` that `Accept` likes best; of equals, and when it likes none, the first.
pub(super) fn choose<'a>(headers: &HeaderMap, offered: &[&'a str]) -> Option<&'a str> {
    let accepted: Vec<(&str, f32)> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(range)
        .collect();
    let mut best: Option<(&str, f32)> = None;
    for offer in offered {
        let quality = quality(&accepted, offer);
        if best.is_none_or(|(_, other)| quality > other) {
            best = Some((offer, quality));
        }
    }
    best.map(|(offer, _)| offer)
}

/// A media range with its weight.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let weight = parts
        .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
        .map(|q| q.trim().parse());
    (range, weight.and_then(Result::ok).unwrap_or(1.0))
}

/// The weight of the most specific range that fits.
fn quality(accepted: &[(&str, f32)], offer: &str) -> f32 {
    let of = |wanted: &str| {
        accepted.iter().find(|(range, _)| range.eq_ignore_ascii_case(wanted)).map(|(_, weight)| *weight)
    };
    let family = offer.split_once('/').map(|(family, _)| format!("{family}/*"));
    of(offer).or_else(|| of(&family?)).or_else(|| of("*/*")).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::choose;

    #[test]
    fn the_form_that_is_liked_best_is_chosen() {
        for (accept, chosen) in [
            (None, "application/json"),
            (Some("*/*"), "application/json"),
            (Some("text/plain"), "text/plain"),
            (Some("TEXT/Plain; charset=utf-8"), "text/plain"),
            (Some("text/*"), "text/plain"),
            (Some("text/plain;q=0.5, application/json;q=0.4"), "text/plain"),
            (Some("text/plain;q=0.4, application/json"), "application/json"),
            (Some("text/html, */*;q=0.1"), "application/json"),
            (Some("image/png"), "application/json"),
            (Some("text/plain;q=0, */*"), "application/json"),
            (Some("application/json;q=0, */*"), "text/plain"),
            (Some(";;,,q=x"), "application/json"),
        ] {
            let headers = accept.map(|accept| (header::ACCEPT, HeaderValue::from_static(accept)));
            let headers = HeaderMap::from_iter(headers);
            assert_eq!(choose(&headers, &["application/json", "text/plain"]), Some(chosen), "{accept:?}");
        }
    }
}
