use std::path::PathBuf;
use std::time::Duration;

use chassis::jetstream::retention::Retention;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Address, Place, Service, Settings};

fn load(file: &str, env: &[(&str, &str)], flags: Value) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a temp folder can be made");
    let path = folder.path().join("signalbox.yaml");
    std::fs::write(&path, file).expect("the temp folder takes a file");
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::load(Some(&path), env, flags).map_err(|error| {
        let text = error.to_string();
        text.find("signalbox.yaml").map_or(text.clone(), |at| text[at..].to_owned())
    })
}

/// Every setting that there is, as a user would write it.
const KITCHEN_SINK: &str = "
bus: nats://user:secret@nats-0:4222,nats://nats-1:4222
nats:
  user: ann
  password: {env: NATS_PASSWORD}
  tls: {ca: /run/tls/ca.pem, cert: /run/tls/cert.pem, key: /run/tls/key.pem, first: true}
  inbox: _INBOX_ann
  retention_age: 14d
  retention_bytes: 4GiB
embedded: {retention_age: 7d, retention_bytes: 2GiB, reserve: 1MiB}
config: /etc/signalbox
only: [gateway, console]
listen: {public: ':80', private: '127.0.0.1:81'}
log: {format: json, level: 'info,chassis=debug'}
api: {token: {file: /run/secrets/api-token}}
kubernetes:
  kubeconfig: /home/ops/.kube/config
  context: k3d-dev
  argocd_namespaces: [argocd, team-a]
  watch: [applications, pods]
  namespaces: [shop]
  volume_usage: {prometheus: 'https://prometheus.example/prom', token: {env: PROMETHEUS_TOKEN}, nearly_full: 90, relieved: 70, every: 2m}
  patience:
    pod_unschedulable: 31s
    pod_not_ready: 1h
    pod_recovered: 32s
    node_starts: 33s
    workload_starts: 0s
    rollout: 1h30m
    claim_pending: 34s
    autoscaler_limited: 30d
    cron_job_missed: 35s
deployer:
  work_dir: /var/cache/signalbox
  author: {name: Robot, email: robot@acme.example}
drain_timeout: 1m
ack_wait: 10s
";

#[test]
fn every_setting_can_be_in_the_file() {
    let settings = load(KITCHEN_SINK, &[], Value::Null).expect("the kitchen sink is right");
    assert_eq!(settings.bus.0.to_string(), "nats://…@nats-0:4222,nats://nats-1:4222");
    let access = settings.nats.access("gateway");
    let login = access.login.map(|login| login.describe());
    assert_eq!(
        login.as_deref(),
        Some("the user ann with its password (nats.password, variable NATS_PASSWORD)")
    );
    assert!(access.tls.first && access.tls.required() && access.inbox == "_INBOX_ann");
    let fortnight = Duration::from_hours(24 * 14);
    assert_eq!(Ok(settings.nats.retention()), Retention::new(Some(fortnight), Some(4 << 30)));
    let kept = settings.embedded.options();
    assert_eq!((kept.retention_age.as_secs(), kept.retention_bytes), (7 * 24 * 3600, 2 << 30));
    assert_eq!((kept.reserve_bytes, kept.generation_bytes), (1 << 20, 64 << 20));
    assert_eq!(settings.config, PathBuf::from("/etc/signalbox"));
    assert_eq!(settings.only.iter().collect::<Vec<_>>(), [Service::Gateway, Service::Console]);
    assert_eq!(settings.listen.public, Address::any(80));
    assert_eq!(settings.listen.private.to_string(), "127.0.0.1:81");
    assert_eq!(settings.log.level.to_string(), "info,chassis=debug");
    assert_eq!(settings.api.token, Some(Place::File("/run/secrets/api-token".into())));
    assert_eq!(settings.kubernetes.context.as_deref(), Some("k3d-dev"));
    assert_eq!(settings.kubernetes.argocd_namespaces.0.to_string(), "argocd,team-a");
    let expected = watcher::Patience {
        pod_unschedulable: TimeDelta::seconds(31),
        pod_not_ready: TimeDelta::hours(1),
        pod_recovered: TimeDelta::seconds(32),
        node_starts: TimeDelta::seconds(33),
        workload_starts: TimeDelta::zero(),
        rollout: TimeDelta::minutes(90),
        claim_pending: TimeDelta::seconds(34),
        autoscaler_limited: TimeDelta::days(30),
        cron_job_missed: TimeDelta::seconds(35),
    };
    assert_eq!(settings.kubernetes.watching().patience, expected);
    let usage = settings.kubernetes.volume_usage.0.as_ref().expect("it is set");
    assert_eq!((usage.nearly_full, usage.relieved, usage.every), (90, 70, Duration::from_mins(2)));
    assert_eq!(usage.prometheus.as_str(), "https://prometheus.example/prom");
    assert_eq!(usage.token, Some(resources::SecretRef::Env("PROMETHEUS_TOKEN".to_owned())));
    assert_eq!(settings.kubernetes.watching().namespaces.to_string(), "shop");
    assert_eq!(settings.deployer.work_dir, Some("/var/cache/signalbox".into()));
    assert_eq!(settings.deployer.author.name, "Robot");
    assert_eq!(settings.drain_timeout.0, Duration::from_mins(1));
    assert_eq!(settings.ack_wait.map(|wait| wait.0), Some(Duration::from_secs(10)));
}

#[test]
fn every_setting_can_be_in_the_environment() {
    let env = [
        ("SIGNALBOX_BUS", "nats://user:secret@nats-0:4222,nats://nats-1:4222"),
        ("SIGNALBOX_NATS__USER", "ann"),
        ("SIGNALBOX_NATS__PASSWORD__ENV", "NATS_PASSWORD"),
        ("SIGNALBOX_NATS__TLS__CA", "/run/tls/ca.pem"),
        ("SIGNALBOX_NATS__TLS__CERT", "/run/tls/cert.pem"),
        ("SIGNALBOX_NATS__TLS__KEY", "/run/tls/key.pem"),
        ("SIGNALBOX_NATS__TLS__FIRST", "true"),
        ("SIGNALBOX_NATS__INBOX", "_INBOX_ann"),
        ("SIGNALBOX_NATS__RETENTION_AGE", "14d"),
        ("SIGNALBOX_NATS__RETENTION_BYTES", "4GiB"),
        ("SIGNALBOX_EMBEDDED__RETENTION_AGE", "7d"),
        ("SIGNALBOX_EMBEDDED__RETENTION_BYTES", "2GiB"),
        ("SIGNALBOX_EMBEDDED__RESERVE", "1MiB"),
        ("SIGNALBOX_CONFIG", "/etc/signalbox"),
        ("SIGNALBOX_ONLY", "gateway,console"),
        ("SIGNALBOX_LISTEN__PUBLIC", ":80"),
        ("SIGNALBOX_LISTEN__PRIVATE", "127.0.0.1:81"),
        ("SIGNALBOX_LOG__FORMAT", "json"),
        ("SIGNALBOX_LOG__LEVEL", "info,chassis=debug"),
        ("SIGNALBOX_API__TOKEN__FILE", "/run/secrets/api-token"),
        ("SIGNALBOX_KUBERNETES__KUBECONFIG", "/home/ops/.kube/config"),
        ("SIGNALBOX_KUBERNETES__CONTEXT", "k3d-dev"),
        ("SIGNALBOX_KUBERNETES__ARGOCD_NAMESPACES", "argocd,team-a"),
        ("SIGNALBOX_KUBERNETES__WATCH", "applications,pods"),
        ("SIGNALBOX_KUBERNETES__NAMESPACES", "shop"),
        ("SIGNALBOX_KUBERNETES__VOLUME_USAGE__PROMETHEUS", "https://prometheus.example/prom"),
        ("SIGNALBOX_KUBERNETES__VOLUME_USAGE__TOKEN__ENV", "PROMETHEUS_TOKEN"),
        ("SIGNALBOX_KUBERNETES__VOLUME_USAGE__NEARLY_FULL", "90"),
        ("SIGNALBOX_KUBERNETES__VOLUME_USAGE__RELIEVED", "70"),
        ("SIGNALBOX_KUBERNETES__VOLUME_USAGE__EVERY", "2m"),
        ("SIGNALBOX_KUBERNETES__PATIENCE__POD_UNSCHEDULABLE", "31s"),
        ("SIGNALBOX_KUBERNETES__PATIENCE__POD_NOT_READY", "1h"),
        ("SIGNALBOX_KUBERNETES__PATIENCE__POD_RECOVERED", "32s"),
        ("SIGNALBOX_KUBERNETES__PATIENCE__NODE_STARTS", "33s"),
        ("SIGNALBOX_KUBERNETES__PATIENCE__WORKLOAD_STARTS", "0s"),
        ("SIGNALBOX_KUBERNETES__PATIENCE__ROLLOUT", "1h30m"),
        ("SIGNALBOX_KUBERNETES__PATIENCE__CLAIM_PENDING", "34s"),
        ("SIGNALBOX_KUBERNETES__PATIENCE__AUTOSCALER_LIMITED", "30d"),
        ("SIGNALBOX_KUBERNETES__PATIENCE__CRON_JOB_MISSED", "35s"),
        ("SIGNALBOX_DEPLOYER__WORK_DIR", "/var/cache/signalbox"),
        ("SIGNALBOX_DEPLOYER__AUTHOR__NAME", "Robot"),
        ("SIGNALBOX_DEPLOYER__AUTHOR__EMAIL", "robot@acme.example"),
        ("SIGNALBOX_DRAIN_TIMEOUT", "1m"),
        ("SIGNALBOX_ACK_WAIT", "10s"),
    ];
    assert_eq!(load("", &env, Value::Null), load(KITCHEN_SINK, &[], Value::Null));
}

/// The example of the watcher's README.
const CUSTOM: &str = include_str!("../../../watcher/examples/custom.yaml");

#[test]
fn a_kind_can_be_described_and_the_examples_are_right() {
    let settings = load(CUSTOM, &[], Value::Null).expect("the examples are right");
    let custom = settings.kubernetes.watching().custom;
    let kinds: Vec<String> = custom.iter().map(|custom| custom.kind.to_string()).collect();
    assert_eq!(kinds, ["certificates.cert-manager.io/v1", "clusters.postgresql.cnpg.io/v1"]);
    let [certificates, clusters] = &custom[..] else { unreachable!("there are two") };
    assert_eq!(certificates.lasts.get("not-ready"), Some(&TimeDelta::minutes(10)));
    assert!(certificates.again.is_some() && certificates.message.is_some());
    assert_eq!((certificates.scope.as_ref(), clusters.again.as_ref()), (None, None));
    assert_eq!(clusters.scope.as_ref().map(ToString::to_string).as_deref(), Some("data"));
}

#[test]
fn a_kind_that_is_described_badly_says_what_would_be_right() {
    let widget = "kind: widgets.example/v1";
    for (item, expected) in [
        (
            "{kind: Widget, phase: object.x}".to_owned(),
            "`kubernetes.custom`: `Widget` is no kind: write its plural and group as `kubectl api-resources` has them, in lower case, and a version: `certificates.cert-manager.io/v1`",
        ),
        (
            format!("{{{widget}, phase: objct.x}}"),
            "`kubernetes.custom`: `phase` of widgets.example/v1: at byte 0: there is no variable `objct` (did you mean `object`?)",
        ),
        (
            format!("{{{widget}, phase: object.x, again: 'now +'}}"),
            "`kubernetes.custom`: `again` of widgets.example/v1: at byte 5: the expression ends too early",
        ),
        (
            format!("{{{widget}, phase: object.x, message: data.x}}"),
            "`kubernetes.custom`: `message` of widgets.example/v1: at byte 0: there is no variable `data` (there are `object` (as Kubernetes has it) and `now`; a text has quotes: `\"ready\"`)",
        ),
        (
            format!("{{{widget}, phase: object.x}}, {{{widget}beta1, phase: object.y}}"),
            "`kubernetes.custom`: widgets.example/v1beta1 is there twice: one `phase` has to tell all phases of a kind",
        ),
        (format!("{{{widget}}}"), "the setting `kubernetes.custom.phase` is missing"),
        (
            format!("{{{widget}, phase: object.x, namespaces: [Shop]}}"),
            "`kubernetes.custom.namespaces`: `Shop` is no namespace: 1 to 63 lower-case letters, digits and `-` (not at its ends), for example `argocd`",
        ),
        (
            format!("{{{widget}, phase: object.x, for: {{broken: long}}}}"),
            "`kubernetes.custom.for.broken`: `long` is no time: write a number and a unit, like 30s, 10m, 2h or 7d",
        ),
        (
            format!("{{{widget}, phases: object.x}}"),
            "there is no setting `kubernetes.custom.phases`; did you mean `phase`?",
        ),
    ] {
        let error = load(&format!("kubernetes: {{custom: [{item}]}}"), &[], Value::Null).expect_err(&item);
        let error = error.trim_start_matches(|c: char| c != ' ').trim_start();
        assert_eq!(error, expected, "{item}");
    }
}

#[test]
fn nothing_set_is_a_laptop() {
    let settings = load("", &[], Value::Null).expect("nothing is wrong");
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.kubernetes.watching(), watcher::Watching::default());
    assert_eq!(settings.kubernetes.volume_usage.0, None, "nobody looks how full volumes are");
    assert_eq!(settings.bus.0.to_string(), "embedded:data");
    assert_eq!(settings.only.iter().count(), 8, "all services run");
    assert!(settings.only.has(Service::Watcher) && !settings.only.names(Service::Watcher));
}

#[test]
fn flags_win() {
    let flags = json!({"bus": "embedded:/flag", "only": ["watcher"], "listen": {"public": null, "private": "127.0.0.1:9"}});
    let settings = load(KITCHEN_SINK, &[], flags).expect("nothing is wrong");
    assert_eq!(settings.bus.0.to_string(), "embedded:/flag");
    assert!(settings.only.names(Service::Watcher) && !settings.only.has(Service::Gateway));
    assert_eq!(settings.listen.public, Address::any(80), "a flag that was not given changes nothing");
}

#[test]
fn bad_settings_say_where_and_what_would_be_right() {
    for (file, expected) in [
        (
            "nats: {token: {env: A}, nkey: {file: b}}\n",
            "signalbox.yaml:1:1: `nats`: say who we are with one of token, user and password, nkey, creds",
        ),
        ("nats: {user: ann}\n", "signalbox.yaml:1:1: `nats`: user and password go together"),
        ("nats: {tls: {cert: a}}\n", "signalbox.yaml:1:1: `nats`: tls.cert and tls.key go together"),
        (
            "nats: {inbox: 'a.*'}\n",
            "signalbox.yaml:1:1: `nats`: inbox is what subjects begin with: words of letters, digits, _ and -, with dots between them",
        ),
        (
            "nats: {retention_age: 60d}\n",
            "signalbox.yaml:1:1: `nats`: retention_age is from 1d, which an event needs for its attempts, to 44d: what was done with it is remembered for 45",
        ),
        (
            "nats: {retention_bytes: 1MiB}\n",
            "signalbox.yaml:1:1: `nats`: retention_bytes is from 16MiB, which a handler needs for what is on its way, to 8191PiB",
        ),
        (
            "nats: {retention_bytes: 10GB}\n",
            "signalbox.yaml:1:8: `nats.retention_bytes`: `10GB` is no size: write a whole number and a unit, like 64MiB or 10GiB",
        ),
        ("ack_wait: 0s\n", "signalbox.yaml:1:1: `ack_wait`: `0s` is too short: at least 1s"),
        (
            "bus: kafka://x\n",
            "signalbox.yaml:1:1: `bus`: `kafka://x` is not a bus: write embedded:DIR or nats://HOST:PORT",
        ),
        ("listen:\n  public: 8080\n", "signalbox.yaml:2:3: `listen.public`: expected a text, found `8080`"),
        (
            "listen: {public: example.com:80}\n",
            "signalbox.yaml:1:10: `listen.public`: `example.com:80` is no address: write HOST:PORT with an IP address or localhost, or :PORT for all addresses",
        ),
        (
            "only: [gatewya]\n",
            "signalbox.yaml:1:8: `only`: expected one of gateway, watcher, scheduler, sweeper, automator, deployer, notifier, console, found `gatewya`; did you mean `gateway`?",
        ),
        ("drain_timeout: 5\n", "signalbox.yaml:1:1: `drain_timeout`: expected a text, found `5`"),
        (
            "drain_timeout: soon\n",
            "signalbox.yaml:1:1: `drain_timeout`: `soon` is no time: write a number and a unit, like 30s, 10m, 2h or 7d",
        ),
        (
            "log: {level: loud}\n",
            "signalbox.yaml:1:7: `log.level`: `loud` is no level: use error, warn, info, debug, trace or off, or directives such as `info,chassis=debug`",
        ),
        (
            "log: {format: xml}\n",
            "signalbox.yaml:1:7: `log.format`: expected one of auto, json, pretty, found `xml`",
        ),
        (
            "api: {token: hunter2}\n",
            "signalbox.yaml:1:7: `api.token`: expected a section with keys (env, file), found a text",
        ),
        (
            "api: {token: {}}\n",
            "signalbox.yaml:1:7: `api.token`: say where the secret is with exactly one of the keys env and file",
        ),
        (
            "kubernetes: {argocd_namespaces: [Argo]}\n",
            "signalbox.yaml:1:14: `kubernetes.argocd_namespaces`: `Argo` is no namespace: 1 to 63 lower-case letters, digits and `-` (not at its ends), for example `argocd`",
        ),
        (
            "kubernetes: {patience: {pod_not_ready: 31d}}\n",
            "signalbox.yaml:1:25: `kubernetes.patience.pod_not_ready`: `31d` is too long: at most 30d",
        ),
        (
            "kubernetes: {patience: {rollout: long}}\n",
            "signalbox.yaml:1:25: `kubernetes.patience.rollout`: `long` is no time: write a number and a unit, like 30s, 10m, 2h or 7d",
        ),
        (
            "kubernetes: {patience: {pods_not_ready: 1m}}\n",
            "signalbox.yaml:1:25: there is no setting `kubernetes.patience.pods_not_ready`; did you mean `pod_not_ready`?",
        ),
        (
            "kubernetes: {volume_usage: {nearly_full: 90}}\n",
            "signalbox.yaml:1:14: `kubernetes.volume_usage`: without prometheus, the address of one, nobody looks",
        ),
        (
            "kubernetes: {volume_usage: {prometheus: 'http://p', nearly_full: 80}}\n",
            "signalbox.yaml:1:14: `kubernetes.volume_usage`: nearly_full is from 1 to 100 per cent, and relieved is less: not 80 and 80",
        ),
        (
            "kubernetes: {volume_usage: {prometheus: 'prometheus:9090'}}\n",
            "signalbox.yaml:1:14: `kubernetes.volume_usage`: `prometheus:9090` is no address of a Prometheus: write http://HOST:PORT or https://HOST, with its path, if it has one",
        ),
        (
            "kubernetes: {volume_usage: {prometheus: 'http://ann:secret@p'}}\n",
            "signalbox.yaml:1:14: `kubernetes.volume_usage`: the address of a Prometheus has no user, password, query or fragment; say its token with token",
        ),
        (
            "kubernetes: {kubeConfig: x}\n",
            "signalbox.yaml:1:14: there is no setting `kubernetes.kubeConfig`; did you mean `kubeconfig`?",
        ),
    ] {
        assert_eq!(load(file, &[], Value::Null).expect_err(file), expected, "{file}");
    }
}
