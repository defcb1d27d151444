//! Parameters as a page of documentation.

use std::fmt::Write as _;

use super::{ParamKind, ParamSpec};

/// Writes a provider's table as Markdown.
pub fn markdown(params: &[ParamSpec]) -> String {
    let mut page = String::from("| parameter | values | default | what it does |\n|---|---|---|---|\n");
    for param in params.iter().filter(|param| !is_foreign(param.kind)) {
        let mut names = vec![format!("`{}`", param.name)];
        names.extend(param.aliases.iter().map(|alias| format!("`{alias}`")));
        let values = param.kind.describe();
        let default = param.default.unwrap_or("–");
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| {} | {values} | {default} | {} |", names.join(", "), param.doc);
    }
    page.push_str("\n## Known from Spice, and not served\n\n| parameter | what happens |\n|---|---|\n");
    for param in params.iter().filter(|param| is_foreign(param.kind)) {
        let _ = writeln!(page, "| `{}` | {} |", param.name, param.kind.describe());
    }
    page
}

fn is_foreign(kind: ParamKind) -> bool {
    matches!(kind, ParamKind::Ignored | ParamKind::Refused(_))
}
