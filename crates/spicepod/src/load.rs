//! Files into a manifest: the manifest itself, the files that it references, and its dependencies.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use crate::file::{self, Contents, ReadError};
use crate::location::Location;
use crate::names;
use crate::problem::{MAX_PROBLEMS, Place, Problem, Severity, clip};
use crate::shape::{self, MAX_COMPONENTS, MODEL, Mapping, SPICEPOD, WORKER};
use crate::sources::{Position, Sources};
use crate::spicepod::{Spicepod, raw};
use crate::yaml::{self, Document, MAX_BYTES, Node, Parsed};

mod build;
mod workers;

/// A manifest, as much of it as could be understood, with all its problems.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The manifest. Where there are errors, it holds what is free of them.
    pub spicepod: Spicepod,
    /// Everything that is wrong or noteworthy.
    pub problems: Vec<Problem>,
    /// The texts, for showing problems.
    pub sources: Sources,
    /// The folder that `.env` files and references are looked up in.
    pub folder: PathBuf,
    /// The files that were looked for, whether they are there or not: a change of one may change the manifest.
    pub files: Vec<PathBuf>,
    /// The files that have been read.
    read: HashSet<PathBuf>,
    /// What is declared, and could not be read.
    unread: workers::Unread,
}

/// Loads a manifest: a file, or a folder that holds `spicepod.yaml` or `spicepod.yml`.
pub fn load(path: &Path) -> Loaded {
    let mut loaded = Loaded::default();
    let Some(file) = find(path, &mut loaded) else { return loaded };
    loaded.folder =
        file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let name = file.display().to_string();
    let read = file::read(&file, most());
    if let Ok(contents) = &read {
        loaded.problems.extend(contents.warning(&name));
        loaded.read.insert(contents.real.clone());
    }
    match text(read) {
        Ok(text) => {
            loaded.root(&name, &text, Some(loaded.folder.clone()));
        }
        Err(Unreadable { message, help, passing }) => {
            let problem = Problem::of_file(Severity::Error, name, message).help(help);
            loaded.problems.push(problem.passing(passing));
        }
    }
    loaded
}

/// Parses a text that stands alone: references and dependencies are problems.
pub fn parse(name: &str, text: &str) -> Loaded {
    let mut loaded = Loaded::default();
    loaded.root(name, text, None);
    loaded
}

/// A parsed manifest.
struct Manifest {
    file: usize,
    document: Document,
    /// Where its references count from; nowhere where the text stands alone.
    folder: Option<PathBuf>,
}

fn find(path: &Path, loaded: &mut Loaded) -> Option<PathBuf> {
    if !path.is_dir() {
        loaded.files.push(path.to_owned());
        return Some(path.to_owned());
    }
    let candidates = ["spicepod.yaml", "spicepod.yml"].map(|name| path.join(name));
    loaded.files.extend(candidates.iter().cloned());
    let found = candidates.into_iter().find(|candidate| candidate.is_file());
    if found.is_none() {
        let message = "there is no spicepod.yaml or spicepod.yml in this folder";
        let help = "create one, or give the path of a manifest: `spicerack path/to/spicepod.yaml`";
        let problem = Problem::of_file(Severity::Error, path.display().to_string(), message);
        loaded.problems.push(problem.help(help));
    }
    // The manifest of this folder is called by its bare name.
    found.map(|file| {
        if path == Path::new(".") { file.file_name().map_or(file.clone(), PathBuf::from) } else { file }
    })
}

/// As many bytes of a file are read.
fn most() -> u64 {
    u64::try_from(MAX_BYTES).unwrap_or(u64::MAX)
}

/// Why a text was not read, and what to do about it.
struct Unreadable {
    message: String,
    help: &'static str,
    /// It may be over by itself.
    passing: bool,
}

impl From<ReadError> for Unreadable {
    fn from(error: ReadError) -> Self {
        let of = |message: String, help| Self { message, help, passing: false };
        match error {
            ReadError::NotRegular => of("is not a regular file".to_owned(), "give the path of a manifest"),
            ReadError::TooLarge { bytes, .. } => of(
                format!("has {bytes} bytes, and at most {MAX_BYTES} are read"),
                "serve some models with another process",
            ),
            ReadError::Failed(_) | ReadError::Outside | ReadError::Replaced => {
                let help =
                    if error.is_missing() { "check the path" } else { "check the path and its permissions" };
                Self { message: format!("cannot be read: {error}"), help, passing: error.may_pass() }
            }
        }
    }
}

/// Whether a path is written as one that leads out of a folder, wherever it ends.
fn leaves(path: &Path, folder: &Path) -> bool {
    let is_below = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    !path.strip_prefix(folder).is_ok_and(|below| below.components().all(is_below))
}

/// The text of a file.
fn text(read: Result<Contents, ReadError>) -> Result<String, Unreadable> {
    String::from_utf8(read?.bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        let message = format!("is not UTF-8 (line {line})");
        Unreadable { message, help: "save it as UTF-8", passing: false }
    })
}

impl Loaded {
    fn root(&mut self, name: &str, text: &str, folder: Option<PathBuf>) {
        let Some((file, document)) = self.document(name, text, &SPICEPOD) else { return };
        if self.problems.len() >= MAX_PROBLEMS {
            let message = format!("these are the first {MAX_PROBLEMS} problems; there may be more");
            self.problems.push(Problem::of_file(Severity::Error, name, message));
            return;
        }
        let mut spicepod = build::spicepod(&document, self, file);
        let manifest = Manifest { file, document, folder };
        self.components(&mut spicepod, &manifest);
        self.dependencies(&mut spicepod, &manifest);
        if spicepod.models.len() > MAX_COMPONENTS {
            let message = format!("at most {MAX_COMPONENTS} models are served, with those of dependencies");
            let at = Location::root(file).key("dependencies").name();
            self.problems.push(Problem::error(at, message).help("serve the others with another process"));
        }
        self.problems.extend(names::problems(&spicepod, &self.sources));
        self.problems.extend(workers::problems(&spicepod, &self.unread));
        self.spicepod = spicepod;
    }

    /// Parses one file twice and holds it to its table.
    fn document(&mut self, name: &str, text: &str, mapping: &'static Mapping) -> Option<(usize, Document)> {
        let file = self.sources.add(name, text);
        let Parsed { tree, repeated, problems } = yaml::parse(file, text);
        let is_clean = problems.is_empty();
        self.problems.extend(problems);
        let Some(tree) = tree else {
            if is_clean {
                let position = Position { line: 1, column: 1, length: 1 };
                let problem = Problem::in_text(file, position, format!("{} cannot be empty", mapping.what));
                self.problems.push(problem.help(shape::missing(mapping)));
            }
            return None;
        };
        self.problems.extend(shape::check(&tree, mapping, &Location::root(file)));
        // What the located parser refuses is not for the other one to judge.
        let document = is_clean.then(|| Document::parse(text));
        let problem = match &document {
            Some(Ok(document)) => document.differs_from(&tree).map(|mark| {
                let message = "readers of YAML do not agree on what stands here";
                Problem::in_text(file, mark.position(), message)
                    .help("put text in quotes, and use simple anchors")
            }),
            Some(Err((position, message))) => Some(yaml::of_typed_reader(file, text, *position, message)),
            None => None,
        };
        self.sources.set_tree(file, tree, &repeated);
        if let Some(problem) = problem {
            self.problems.push(problem);
            return None;
        }
        Some((file, document?.ok()?))
    }

    fn tree(&self, file: usize) -> Option<Node> {
        self.sources.tree(file).cloned()
    }

    /// Whether something below a place is wrong, so that it cannot become a value.
    fn is_broken(&self, at: &Location) -> bool {
        let below = |location: &Location| location.file == at.file && location.path.starts_with(&at.path);
        self.problems.iter().any(|problem| match &problem.place {
            Place::Node(location) => problem.is_error() && below(location),
            Place::Text { .. } | Place::File(_) => false,
        })
    }

    /// Reads models and workers, from here or from the files that they name.
    fn components(&mut self, spicepod: &mut Spicepod, manifest: &Manifest) {
        let Some(tree) = self.tree(manifest.file) else { return };
        for (section, mapping) in [("models", &MODEL), ("workers", &WORKER)] {
            let items = tree.get(section).map(Node::items).unwrap_or_default();
            for (index, item) in items.iter().enumerate() {
                let at = Location::root(manifest.file).key(section).index(index);
                if self.is_broken(&at) {
                    self.unread(section, item);
                    continue;
                }
                let Some(reference) = item.get("ref") else {
                    let place: (&[&str], _) = (&[section], Some(index));
                    build::component(self, spicepod, &manifest.document, place, &at);
                    continue;
                };
                let found = self.reference(reference, mapping, at.key("ref"), manifest.folder.as_deref());
                let Some((file, document)) = found else {
                    self.unread(section, item);
                    continue;
                };
                let root = Location::root(file);
                if self.is_broken(&root) {
                    let tree = self.tree(file);
                    self.unread(section, tree.as_ref().unwrap_or(item));
                } else {
                    build::referenced(self, spicepod, &document, section, &root);
                }
            }
        }
    }

    /// Remembers what is declared, although it cannot be read: workers may route to it.
    fn unread(&mut self, section: &str, item: &Node) {
        let names = if section == "models" { &mut self.unread.models } else { &mut self.unread.workers };
        match item.get("name").map(|name| &name.kind) {
            Some(yaml::NodeKind::Scalar { text, .. }) => names.push(text.to_string()),
            Some(_) | None => self.unread.nameless |= section == "models",
        }
    }

    /// Reads the file that a reference names; paths count from the manifest that holds the reference.
    fn reference(
        &mut self,
        node: &Node,
        mapping: &'static Mapping,
        at: Location,
        folder: Option<&Path>,
    ) -> Option<(usize, Document)> {
        let yaml::NodeKind::Scalar { text: path, .. } = &node.kind else { return None };
        let Some(folder) = folder else {
            let problem = Problem::error(at, "a text that stands alone cannot reference files");
            self.problems.push(problem.help("write the declaration out"));
            return None;
        };
        let target = folder.join(&**path);
        let kind = mapping.what.rsplit(' ').next().unwrap_or("model");
        let is_file = target.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let candidates = if is_file {
            vec![target]
        } else {
            vec![target.join(format!("{kind}.yaml")), target.join(format!("{kind}.yml"))]
        };
        self.files.extend(candidates.iter().cloned());
        let found = candidates.iter().find(|candidate| candidate.exists()).or(candidates.first())?;
        if !found.exists() && !leaves(found, folder) {
            let help = format!("create {}, or correct the path", found.display());
            self.problems.push(Problem::error(at, format!("`{}` does not exist", clip(path))).help(help));
            return None;
        }
        self.inside(found, mapping, &at, folder)
    }

    /// Reads a file that must lie in a folder.
    fn inside(
        &mut self,
        path: &Path,
        mapping: &'static Mapping,
        at: &Location,
        folder: &Path,
    ) -> Option<(usize, Document)> {
        let shown = path.display().to_string();
        let read = file::read_inside(folder, path, most());
        let problem = match &read {
            // What is not there is outside as well: nobody learns of files elsewhere.
            Err(error)
                if matches!(error, ReadError::Outside) || error.is_missing() && leaves(path, folder) =>
            {
                let message = format!("the file lies outside the folder {}", folder.display());
                Some(Problem::error(at.clone(), message).help("move it into that folder"))
            }
            Err(error) if error.is_missing() => {
                let message = format!("the file {shown} went away while the manifest was read");
                Some(
                    Problem::error(at.clone(), message)
                        .help("put it back, or correct the path")
                        .passing(true),
                )
            }
            // One file is one component: a second one would have the same name.
            Ok(contents) if !self.read.insert(contents.real.clone()) => {
                let problem = Problem::error(at.clone(), format!("the file {shown} is in use already"));
                Some(problem.help("reference each file once"))
            }
            Ok(contents) => {
                self.problems.extend(contents.warning(&shown));
                None
            }
            Err(_) => None,
        };
        if let Some(problem) = problem {
            self.problems.push(problem);
            return None;
        }
        match text(read) {
            Ok(text) => self.document(&shown, &text, mapping),
            Err(Unreadable { message, help, passing }) => {
                let message = format!("the file {shown} {message}");
                self.problems.push(Problem::error(at.clone(), message).help(help).passing(passing));
                None
            }
        }
    }

    /// Adds the components of the manifests under `spicepods/`; one level, as Spice does.
    fn dependencies(&mut self, spicepod: &mut Spicepod, manifest: &Manifest) {
        let section = Location::root(manifest.file).key("dependencies");
        if self.is_broken(&section) {
            return;
        }
        let raw::Names(names) = manifest.document.read(&["dependencies"], None).unwrap_or_default();
        for (index, name) in names.iter().enumerate() {
            let at = section.clone().index(index);
            let Some(folder) = &manifest.folder else {
                let problem = Problem::error(at, "a text that stands alone cannot have dependencies");
                self.problems.push(problem.help("write the declarations out"));
                continue;
            };
            if names.iter().take(index).any(|other| other == name) {
                let problem =
                    Problem::error(at, format!("the dependency `{}` stands here twice", clip(name)));
                self.problems.push(problem.help("keep one of them"));
                continue;
            }
            self.dependency(spicepod, name, &at, &folder.join("spicepods"));
        }
    }

    fn dependency(&mut self, spicepod: &mut Spicepod, name: &str, at: &Location, folder: &Path) {
        let own = folder.join(name);
        let candidates = ["spicepod.yaml", "spicepod.yml"].map(|file| own.join(file));
        self.files.extend(candidates.iter().cloned());
        let Some(path) = candidates.iter().find(|candidate| candidate.is_file()) else {
            let message = format!("the dependency `{}` does not exist", clip(name));
            let help = format!("create spicepods/{}/spicepod.yaml, or remove the dependency", clip(name));
            self.problems.push(Problem::error(at.clone(), message).help(help));
            self.unread.nameless = true;
            return;
        };
        let Some((file, document)) = self.inside(path, &SPICEPOD, at, folder) else {
            self.unread.nameless = true;
            return;
        };
        for section in ["runtime", "secrets", "dependencies"] {
            let root = Location::root(file).key(section);
            if self.tree(file).is_some_and(|tree| tree.get(section).is_some()) {
                let message = format!("`{section}` of a dependency has no effect");
                self.problems
                    .push(Problem::warning(root.name(), message).help("move it to the main manifest"));
            }
        }
        self.components(spicepod, &Manifest { file, document, folder: Some(own) });
    }
}

#[cfg(test)]
mod tests;
