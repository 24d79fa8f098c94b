//! From the actions of a rule to requests: templates rendered, and what they came to checked.

use events::Announcement;
use events::payload::{deploy, notification};
use minijinja::Value;
use resources::automation::{Automation, Template};
use resources::{Action, Catalog, names};

use super::{Reason, Wanted};

/// All actions of a rule, or why one of them cannot be asked for: a rule acts as a whole or not at all.
pub(super) fn all(rule: &Automation, catalog: &Catalog, scope: &Value) -> Result<Vec<Wanted>, Reason> {
    let each = |(index, action)| one(rule, index, action, catalog, scope);
    rule.actions.iter().enumerate().map(each).collect()
}

fn one(
    rule: &Automation,
    index: usize,
    action: &Action,
    catalog: &Catalog,
    scope: &Value,
) -> Result<Wanted, Reason> {
    match action {
        Action::Deploy { app, environment, tag, digest } => {
            let at = Fields { path: format!("do[{index}].deploy"), scope };
            let app = at.name("app", app)?;
            let environment = at.name("environment", environment)?;
            let known =
                catalog.apps.get(&app).ok_or_else(|| at.wrong("app", format!("no App is named `{app}`")))?;
            if known.environment(&environment).is_none() {
                let because = format!("the App `{app}` has no environment `{environment}`");
                return Err(at.wrong("environment", because));
            }
            let image = deploy::Image {
                tag: at.formed("image.tag", tag.as_ref(), names::image_tag)?,
                digest: at.formed("image.digest", digest.as_ref(), names::image_digest)?,
            };
            let place = format!("{app}/{environment}");
            let summary = format!("deploy {app} to {environment} ({image})");
            let request = deploy::Requested { app, environment, image, automation: Some(rule.name.clone()) };
            let announcement =
                Announcement::of(&request).partition_key(format!("deploy:{place}")).subject(place);
            Ok(Wanted { summary, announcement })
        }
        Action::Notify { channel, text, title, severity } => {
            let at = Fields { path: format!("do[{index}].notify"), scope };
            let request = notification::Requested {
                channel: channel.clone(),
                text: at.text("text", text)?,
                title: title.as_ref().map(|title| at.text("title", title)).transpose()?,
                severity: *severity,
                automation: Some(rule.name.clone()),
            };
            let summary = format!("notify {channel}");
            let announcement = Announcement::of(&request)
                .partition_key(format!("channel:{channel}"))
                .subject(channel.as_str());
            Ok(Wanted { summary, announcement })
        }
    }
}

/// The fields of one action.
struct Fields<'s> {
    path: String,
    scope: &'s Value,
}

impl Fields<'_> {
    fn wrong(&self, field: &str, because: String) -> Reason {
        Reason::new(format!("{}.{field}", self.path), because)
    }

    /// A text that says something.
    fn text(&self, field: &str, template: &Template) -> Result<String, Reason> {
        let text = template.render(self.scope).map_err(|error| self.wrong(field, error.to_string()))?;
        if text.trim().is_empty() {
            return Err(self.wrong(field, "the template comes to an empty text".to_owned()));
        }
        Ok(text)
    }

    /// A word: the white space around it is the template's.
    fn name(&self, field: &str, template: &Template) -> Result<String, Reason> {
        Ok(self.text(field, template)?.trim().to_owned())
    }

    fn formed(
        &self,
        field: &str,
        template: Option<&Template>,
        form: fn(&str) -> Result<(), String>,
    ) -> Result<Option<String>, Reason> {
        let Some(template) = template else { return Ok(None) };
        let word = self.name(field, template)?;
        match form(&word) {
            Ok(()) => Ok(Some(word)),
            Err(because) => Err(self.wrong(field, because)),
        }
    }
}
