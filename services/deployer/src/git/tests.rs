//! Against real repositories in temporary folders.

use std::time::{Duration, Instant};

use chrono::DateTime;

use super::testbed::{Testbed, intended};
use super::{Author, Commit, Fault, GitError, Pushed, Repositories, Repository};

const FILE: &str = "apps/my app/values-dev.yaml";
const TEXT: &str = "image:\r\n  tag: v1 # é\r\n";

async fn make(repository: &Repository, head: &Commit, text: &str, message: &str) -> Commit {
    let author = Author { name: "Signalbox".to_owned(), email: "signalbox@example.org".to_owned() };
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let stored = repository.file(head, "main", FILE).await.expect("the file is there");
    repository.commit(head, FILE, &stored.with(text.into()), message, &author, now).await.expect("a commit")
}

#[tokio::test]
async fn a_commit_changes_one_file_and_carries_its_author_and_date() {
    let testbed = Testbed::new(&[(FILE, TEXT), ("other.txt", "x")]);
    let repositories = testbed.repositories();
    let repository = repositories.lock(&testbed.address()).await;
    let head = repository.fetch("main").await.expect("a head");
    assert_eq!(repository.file(&head, "main", FILE).await.expect("the file").bytes, TEXT.as_bytes());
    let commit = make(&repository, &head, "image: {}\r\n", "subject\n\nbody\n").await;
    assert_eq!(testbed.tip(), head, "nobody sees it before the push");
    assert_eq!(repository.push(&commit, "main", &intended()).await.expect("an answer"), Pushed::Done);

    assert_eq!(testbed.tip(), commit);
    assert_eq!(testbed.file(FILE), "image: {}\r\n");
    let changed = testbed.on_origin(&["diff", "--name-only", "-z", &format!("{head}..{commit}")]);
    assert_eq!(changed, format!("{FILE}\0"));
    let format = "--format=%an <%ae> %aI %cn %cI %P %B";
    let shown = testbed.on_origin(&["show", "--no-patch", format, commit.as_str()]);
    let date = "2027-01-15T08:00:00+00:00";
    let expected =
        format!("Signalbox <signalbox@example.org> {date} Signalbox {date} {head} subject\n\nbody\n");
    assert_eq!(shown.trim_end(), expected.trim_end());
}

#[tokio::test]
async fn an_executable_file_stays_one() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    testbed.git(&["update-index", "--chmod=+x", FILE]);
    testbed.git(&["commit", "--quiet", "-m", "x"]);
    testbed.git(&["push", "--quiet"]);
    let repository = testbed.repositories().lock(&testbed.address()).await;
    let head = repository.fetch("main").await.expect("a head");
    let commit = make(&repository, &head, "a: 1\n", "m").await;
    repository.push(&commit, "main", &intended()).await.expect("an answer");
    assert!(testbed.on_origin(&["ls-tree", "main", "--", FILE]).starts_with("100755 blob"));
}

#[tokio::test]
async fn who_is_overtaken_is_told_and_overwrites_nothing() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    let repository = testbed.repositories().lock(&testbed.address()).await;
    let head = repository.fetch("main").await.expect("a head");
    let commit = make(&repository, &head, "a: 1\n", "ours").await;
    let theirs = testbed.somebody_pushes("other.txt", "theirs");
    assert_eq!(repository.push(&commit, "main", &intended()).await.expect("an answer"), Pushed::Overtaken);
    assert_eq!(testbed.tip(), theirs);
    // The same when this side has seen their commit.
    assert_eq!(repository.fetch("main").await.expect("a head"), theirs);
    assert_eq!(repository.push(&commit, "main", &intended()).await.expect("an answer"), Pushed::Overtaken);
    assert_eq!(testbed.tip(), theirs);
}

#[tokio::test]
async fn a_refusal_says_what_the_other_side_says() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    testbed.refuse("echo 'GH006: Protected branch update failed' >&2; exit 1");
    let repository = testbed.repositories().lock(&testbed.address()).await;
    let head = repository.fetch("main").await.expect("a head");
    let commit = make(&repository, &head, "a: 1\n", "ours").await;
    let error = repository.push(&commit, "main", &intended()).await.expect_err("a refusal");
    let expected = "the repository refused the commit: [remote rejected] (pre-receive hook declined): \
                    GH006: Protected branch update failed";
    assert_eq!(error.to_string(), expected);
    assert!(error.is_lasting());
    assert_eq!(testbed.tip(), head);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let large = "x".repeat(1024 * 1024 + 1);
    let testbed = Testbed::new(&[(FILE, TEXT), ("folder/x", "x"), ("large.yaml", &large)]);
    std::os::unix::fs::symlink("folder/x", testbed.origin().parent().unwrap().join("theirs/link")).unwrap();
    testbed.git(&["add", "link"]);
    testbed.git(&["commit", "--quiet", "-m", "x"]);
    testbed.git(&["push", "--quiet"]);
    let repositories = testbed.repositories();
    let repository = repositories.lock(&testbed.address()).await;
    let head = repository.fetch("main").await.expect("a head");
    for (file, why) in [
        ("nowhere.yaml", "the branch `main` has no file `nowhere.yaml`"),
        ("*.yaml", "the branch `main` has no file `*.yaml`"),
        (":(glob)**/x", "the branch `main` has no file `:(glob)**/x`"),
        ("folder", "`folder` is a folder, not a file"),
        ("link", "`link` is a symbolic link, not a file"),
        ("large.yaml", "`large.yaml` has more than 1 MiB: that is no values file"),
    ] {
        let error = repository.file(&head, "main", file).await.expect_err(file);
        assert_eq!(error.to_string(), why);
        assert!(error.is_lasting());
    }
    let error = repository.fetch("nowhere").await.expect_err("no such branch");
    assert_eq!(error.to_string(), "the repository has no branch `nowhere`");

    let nowhere = testbed.work_dir().join("nowhere.git");
    let error = repositories
        .lock(nowhere.to_str().unwrap())
        .await
        .fetch("main")
        .await
        .expect_err("no such repository");
    assert!(matches!(error, GitError::Failed { fault: Fault::Missing, .. }), "{error}");
    assert!(error.is_lasting());
}

#[tokio::test]
async fn an_address_that_looks_like_an_option_is_none() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    let marker = testbed.work_dir().join("pwned");
    let address = format!("--upload-pack=touch {}", marker.display());
    let error =
        testbed.repositories().lock(&address).await.fetch("main").await.expect_err("no such repository");
    assert!(matches!(error, GitError::Failed { .. }), "{error}");
    assert!(!marker.exists());
}

type Breakage = fn(&std::path::Path);

#[tokio::test]
async fn a_broken_cache_is_made_anew() {
    let breakages: [(&str, Breakage); 5] = [
        ("no HEAD", |cache| std::fs::remove_file(cache.join("HEAD")).unwrap()),
        ("no objects", |cache| std::fs::remove_dir_all(cache.join("objects")).unwrap()),
        ("a broken ref", |cache| std::fs::write(cache.join("refs/signalbox/main"), "rubbish").unwrap()),
        ("a lock that is left over", |cache| {
            std::fs::write(cache.join("refs/signalbox/main.lock"), "").unwrap();
        }),
        ("an unreadable configuration", |cache| std::fs::write(cache.join("config"), "[[[").unwrap()),
    ];
    for (what, breakage) in breakages {
        let testbed = Testbed::new(&[(FILE, TEXT)]);
        let repository = testbed.repositories().lock(&testbed.address()).await;
        repository.fetch("main").await.expect("a head");
        breakage(&testbed.cache());
        let theirs = testbed.somebody_pushes("other.txt", "x");
        assert_eq!(repository.fetch("main").await.expect(what), theirs, "{what}");
        assert!(repository.file(&theirs, "main", FILE).await.is_ok(), "{what}");
    }
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    for left in [".new-abc", ".index-abc"] {
        std::fs::create_dir_all(testbed.work_dir().join(left).join("objects")).unwrap();
    }
    testbed.repositories().lock(&testbed.address()).await.fetch("main").await.expect("a head");
    let names: Vec<_> =
        std::fs::read_dir(testbed.work_dir()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(names[0].to_string_lossy().starts_with("origin-"), "{names:?}");
}

#[tokio::test]
async fn what_takes_too_long_is_killed_with_all_that_it_started() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    testbed.refuse("echo $$ > \"$GIT_DIR/pid\"; sleep 300");
    let commit = {
        let repository = testbed.repositories().lock(&testbed.address()).await;
        let head = repository.fetch("main").await.expect("a head");
        make(&repository, &head, "a: 1\n", "ours").await
    };
    let impatient = Repositories::new(testbed.work_dir(), Duration::from_secs(2));
    let repository = impatient.lock(&testbed.address()).await;
    let begun = Instant::now();
    let error = repository.push(&commit, "main", &intended()).await.expect_err("no answer");
    assert!(matches!(error, GitError::TimedOut { command: "push", .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(30));
    let pid = std::fs::read_to_string(testbed.origin().join("pid")).expect("the hook ran");
    let alive = || {
        std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
    };
    while alive() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the hook should be killed");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn ancestry_is_asked_of_the_repository() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    let first = testbed.tip();
    let repository = testbed.repositories().lock(&testbed.address()).await;
    repository.fetch("main").await.expect("a head");
    // Pushed after the fetch: it is fetched when it is asked for.
    let second = testbed.somebody_pushes("a", "a");
    testbed.git(&["checkout", "--quiet", "-b", "side", first.as_str()]);
    testbed.git(&["commit", "--quiet", "--allow-empty", "-m", "side"]);
    testbed.git(&["push", "--quiet", "origin", "side"]);
    let side = Commit::parse(&testbed.git(&["rev-parse", "HEAD"])).unwrap();
    let stranger = Commit::parse("1111111111111111111111111111111111111111").unwrap();
    testbed.on_origin(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    for (commit, revision, expected) in [
        (&first, &first, Some(true)),
        (&first, &second, Some(true)),
        (&second, &first, Some(false)),
        (&second, &side, Some(false)),
        (&first, &side, Some(true)),
        (&first, &stranger, None),
    ] {
        assert_eq!(
            repository.contains("main", commit, revision).await.unwrap(),
            expected,
            "{commit} in {revision}"
        );
    }
}

#[tokio::test]
async fn a_trailer_is_found_only_where_it_is_one_and_says_exactly_this() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    let repository = testbed.repositories().lock(&testbed.address()).await;
    let mut head = repository.fetch("main").await.expect("a head");
    let mut commits = Vec::new();
    for message in [
        "ours\n\nwhy\n\nSignalbox-Event: e1\nSignalbox-Source: /s\n",
        "a quotation\n\nSignalbox-Event: e2\nSignalbox-Source: /s\n\nis what it said.\n",
        "a longer one\n\nSignalbox-Event: e33\nSignalbox-Source: /s\n",
        "the same id of another source\n\nSignalbox-Event: e4\nSignalbox-Source: /other\n",
    ] {
        head = make(&repository, &head, &format!("n: {}\n", commits.len()), message).await;
        commits.push(head.clone());
    }
    for (id, source, expected) in [
        ("e1", "/s", Some(&commits[0])),
        ("e2", "/s", None),
        ("e3", "/s", None),
        ("e33", "/s", Some(&commits[2])),
        ("e4", "/s", None),
        ("e4", "/other", Some(&commits[3])),
        ("e.", "/s", None),
    ] {
        let trailers = [("Signalbox-Event", id), ("Signalbox-Source", source)];
        assert_eq!(
            repository.with_trailers(&head, &trailers).await.unwrap().as_ref(),
            expected,
            "{id} {source}"
        );
    }
    assert_eq!(repository.last_change(&head, FILE).await.unwrap(), commits[3]);
    assert_eq!(repository.last_change(&head, "nowhere").await.unwrap(), head);
}
