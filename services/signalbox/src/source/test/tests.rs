use super::*;
use crate::output::tests::Paper;

#[test]
fn the_address_of_a_hook_is_found_from_the_host_the_prefix_or_itself() {
    for (base, wanted) in [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/hooks/github"),
        ("https://ci.example.com/signalbox/", "https://ci.example.com/signalbox/hooks/github"),
        ("https://ci.example.com/hooks/github", "https://ci.example.com/hooks/github"),
    ] {
        assert_eq!(address(base, "github").expect(base).as_str(), wanted);
    }
    for base in ["localhost:8080", "ftp://host", "http://", "/hooks/github", "http://h/?access_token=x"] {
        let error = address(base, "github").expect_err(base).to_string();
        assert!(error.contains("write http://HOST:PORT"), "{error}");
    }
}

fn told(status: u16, body: &str, json: bool) -> Result<String, (Exit, String)> {
    let paper = Paper::default();
    let answer =
        Answer { status: StatusCode::from_u16(status).expect("a status"), body: body.as_bytes().to_vec() };
    match tell(&answer, json, &mut Output::to(paper.clone())) {
        Ok(_) => Ok(paper.text()),
        Err(Stop::Error(exit, error)) => Err((exit, format!("{error:#}"))),
        Err(Stop::ClosedPipe) => panic!("paper has no pipe"),
    }
}

#[test]
fn an_answer_is_told_with_the_story_or_with_what_would_be_right() {
    let said = told(202, r#"{"id":"d-1","type":"com.github.push","duplicate":false}"#, false).expect("taken");
    assert_eq!(
        said,
        "202 Accepted {\"id\":\"d-1\",\"type\":\"com.github.push\",\"duplicate\":false}\nits story: signalbox events story d-1\n"
    );
    let said = told(202, r#"{"ids":["a","b"],"duplicates":2}"#, false).expect("taken");
    assert!(said.contains("there already") && said.ends_with("signalbox events story b\n"), "{said}");
    let said = told(202, r#"{"ids":["a"],"duplicates":0}"#, true).expect("taken");
    assert_eq!(said, "{\"answer\":{\"duplicates\":0,\"ids\":[\"a\"]},\"ids\":[\"a\"],\"status\":202}\n");
    let refused = r#"{"error":"the token is none","hint":"send another\u001b[2J"}"#;
    for (status, body, exit, words) in [
        (401, refused, Exit::Failed, "401 Unauthorized: the token is none\n  hint: send another\u{fffd}[2J"),
        (503, refused, Exit::Unreachable, "503 Service Unavailable: the token is none"),
        (200, "<html>", Exit::Failed, "this is no answer of a gateway of Signalbox"),
        (202, "ok", Exit::Failed, "this is no answer of a gateway of Signalbox"),
    ] {
        let (found, error) = told(status, body, false).expect_err("refused");
        assert!(found == exit && error.contains(words), "{status}: {error}");
    }
}
