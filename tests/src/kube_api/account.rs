//! Accounts that may do no more than they are granted, so that a missing permission fails a test.

use std::path::PathBuf;

use anyhow::Context as _;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, PostParams};

use super::KubeApi;

/// Where the accounts of [`KubeApi::kubeconfig_with`] are.
const HOME: &str = "default";
const RBAC: &str = "rbac.authorization.k8s.io";

/// What an account may do.
#[derive(Debug, Clone)]
pub struct Grant {
    /// In this namespace, or in all of them and outside of them.
    pub namespace: Option<String>,
    /// These things.
    pub rules: Vec<PolicyRule>,
}

impl Grant {
    /// These things, everywhere.
    pub fn everywhere(rules: Vec<PolicyRule>) -> Self {
        Self { namespace: None, rules }
    }

    /// These things, in one namespace.
    pub fn within(namespace: &str, rules: Vec<PolicyRule>) -> Self {
        Self { namespace: Some(namespace.to_owned()), rules }
    }
}

/// Permission for these verbs on these resources of an API group (`""` is the core group).
pub fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(owned(&[group])),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

impl KubeApi {
    /// Makes an account that may do just this, in all namespaces, and returns its kubeconfig.
    pub async fn kubeconfig_for(&self, name: &str, rules: Vec<PolicyRule>) -> anyhow::Result<PathBuf> {
        self.kubeconfig_with(name, &[Grant::everywhere(rules)]).await
    }

    /// Makes an account that may do just this, and returns its kubeconfig.
    pub async fn kubeconfig_with(&self, name: &str, grants: &[Grant]) -> anyhow::Result<PathBuf> {
        let client = self.client().await?;
        let create = PostParams::default();
        let account = ServiceAccount { metadata: named(name), ..ServiceAccount::default() };
        Api::<ServiceAccount>::namespaced(client.clone(), HOME).create(&create, &account).await?;
        for (index, grant) in grants.iter().enumerate() {
            let (metadata, rules) = (named(&format!("{name}-{index}")), Some(grant.rules.clone()));
            let refers = |kind: &str| RoleRef {
                api_group: RBAC.to_owned(),
                kind: kind.to_owned(),
                name: format!("{name}-{index}"),
            };
            let subjects = Some(vec![Subject {
                kind: "ServiceAccount".to_owned(),
                name: name.to_owned(),
                namespace: Some(HOME.to_owned()),
                ..Subject::default()
            }]);
            if let Some(namespace) = &grant.namespace {
                self.namespace(namespace).await?;
                let role = Role { metadata: metadata.clone(), rules };
                Api::<Role>::namespaced(client.clone(), namespace).create(&create, &role).await?;
                let binding = RoleBinding { metadata, role_ref: refers("Role"), subjects };
                Api::<RoleBinding>::namespaced(client.clone(), namespace).create(&create, &binding).await?;
            } else {
                let role = ClusterRole { metadata: metadata.clone(), rules, ..ClusterRole::default() };
                Api::<ClusterRole>::all(client.clone()).create(&create, &role).await?;
                let binding = ClusterRoleBinding { metadata, role_ref: refers("ClusterRole"), subjects };
                Api::<ClusterRoleBinding>::all(client.clone()).create(&create, &binding).await?;
            }
        }
        self.kubeconfig_of(HOME, name).await
    }

    /// The kubeconfig of an account that is there, for example because a chart made it.
    pub async fn kubeconfig_of(&self, namespace: &str, account: &str) -> anyhow::Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let request = TokenRequest { spec: TokenRequestSpec::default(), ..TokenRequest::default() };
        let token = accounts.create_token_request(account, &PostParams::default(), &request).await?;
        let token = token.status.context("the API server gave no token")?.token;
        self.write_kubeconfig(&format!("{namespace}-{account}"), &token)
    }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}
