//! What the program may do on a cluster, and nothing more: the rules that its services' READMEs name.

use k8s_openapi::api::rbac::v1::PolicyRule;

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

/// The rules of the watcher and the deployer together.
pub fn of_the_program() -> Vec<PolicyRule> {
    vec![
        rule("argoproj.io", &["applications"], &["get", "list", "watch", "patch"]),
        rule("apps", &["deployments", "statefulsets", "daemonsets", "replicasets"], &["get", "list"]),
        rule("", &["pods"], &["get", "list"]),
    ]
}
