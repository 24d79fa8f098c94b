//! A pod, as far as a deploy looks at it.

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Whether it is on its way out.
    pub terminating: bool,
    /// Whether it takes traffic: the condition `Ready`.
    pub ready: bool,
    /// Why no node takes it, if none does.
    pub unschedulable: Option<String>,
    /// Its containers, those that prepare it too.
    pub containers: Vec<Container>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The image that its spec names.
    pub image: String,
    /// The image that runs, by the container runtime: `name@sha256:…`; empty before it is pulled.
    pub image_id: String,
    /// Whether it runs now.
    pub running: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// How often it was started again.
    pub restarts: i32,
    /// What it waits for.
    pub waiting: Option<Waiting>,
    /// How it ended the last time: the reason and the exit code.
    pub last_end: Option<(String, i32)>,
}

/// Why a container does not run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waiting {
    /// In one word, for example `ImagePullBackOff`.
    pub reason: String,
    /// In more words.
    pub message: String,
}
