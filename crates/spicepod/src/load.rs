//! Files into a manifest: the manifest itself, the files that it references, and its dependencies.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::location::Location;
use crate::names;
use crate::problem::{Problem, Severity};
use crate::shape::{self, MODEL, Mapping, SPICEPOD, WORKER};
use crate::sources::Sources;
use crate::spicepod::Spicepod;
use crate::yaml::{self, Document, Node};

mod build;

/// What a manifest's text holds besides its own problems; files of that size are refused before they are read whole.
const MAX_READ: u64 = 1024 * 1024 + 1;

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
}

/// Loads a manifest: a file, or a folder that holds `spicepod.yaml` or `spicepod.yml`.
pub fn load(path: &Path) -> Loaded {
    let mut loaded = Loaded::default();
    let Some(file) = find(path, &mut loaded) else { return loaded };
    loaded.folder =
        file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let name = file.display().to_string();
    match read(&file) {
        Ok(text) => loaded.root(&name, &text, true),
        Err(message) => loaded.problems.push(Problem::of_file(Severity::Error, name, message)),
    }
    loaded
}

/// Parses a text that stands alone: references and dependencies are problems.
pub fn parse(name: &str, text: &str) -> Loaded {
    let mut loaded = Loaded::default();
    loaded.root(name, text, false);
    loaded
}

fn find(path: &Path, loaded: &mut Loaded) -> Option<PathBuf> {
    if !path.is_dir() {
        return Some(path.to_owned());
    }
    let candidates = ["spicepod.yaml", "spicepod.yml"].map(|name| path.join(name));
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

fn read(path: &Path) -> Result<String, String> {
    let metadata =
        std::fs::metadata(path).map_err(|error| format!("the manifest cannot be read: {error}"))?;
    if !metadata.is_file() {
        return Err("the manifest is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("the manifest cannot be read: {error}"))?;
    file.take(MAX_READ)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("the manifest cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("the manifest is not UTF-8 (line {line})")
    })
}

impl Loaded {
    fn root(&mut self, name: &str, text: &str, follow: bool) {
        let Some((file, document)) = self.document(name, text, &SPICEPOD) else { return };
        let mut spicepod = build::spicepod(&document, self, file);
        self.components(&mut spicepod, &document, file, follow);
        self.dependencies(&mut spicepod, &document, file, follow);
        if !spicepod.workers.is_empty() {
            let at = Location::root(file).key("workers").name();
            self.problems.push(Problem::warning(at, "workers are not served yet, and have no effect"));
        }
        self.problems.extend(names::problems(&spicepod, &self.sources));
        self.spicepod = spicepod;
    }

    /// Parses one file twice and holds it to its table.
    fn document(&mut self, name: &str, text: &str, mapping: &'static Mapping) -> Option<(usize, Document)> {
        let file = self.sources.add(name, text);
        let tree = match yaml::parse(file, text) {
            Ok(tree) => tree,
            Err(problems) => {
                self.problems.extend(problems);
                return None;
            }
        };
        self.problems.extend(shape::check(&tree, mapping, &Location::root(file)));
        self.sources.set_tree(file, tree);
        match Document::parse(text) {
            Ok(document) => Some((file, document)),
            Err(message) => {
                self.problems
                    .push(Problem::error(Location::root(file), format!("this is not YAML: {message}")));
                None
            }
        }
    }

    fn tree(&self, file: usize) -> Option<Node> {
        self.sources.tree(file).cloned()
    }

    /// Whether something below a place is wrong, so that it cannot become a value.
    fn is_broken(&self, at: &Location) -> bool {
        let below = |location: &Location| location.file == at.file && location.path.starts_with(&at.path);
        self.problems.iter().any(|problem| match &problem.place {
            crate::problem::Place::Node(location) => problem.is_error() && below(location),
            crate::problem::Place::Text { .. } | crate::problem::Place::File(_) => false,
        })
    }

    /// Reads models and workers, from here or from the files that they name.
    fn components(&mut self, spicepod: &mut Spicepod, document: &Document, file: usize, follow: bool) {
        let Some(tree) = self.tree(file) else { return };
        for (section, mapping) in [("models", &MODEL), ("workers", &WORKER)] {
            let items = tree.get(section).map(Node::items).unwrap_or_default();
            for (index, item) in items.iter().enumerate() {
                let at = Location::root(file).key(section).index(index);
                if self.is_broken(&at) {
                    continue;
                }
                match item.get("ref") {
                    None => build::component(self, spicepod, document, (&[section], Some(index)), &at),
                    Some(reference) => {
                        let at = at.key("ref");
                        let Some((file, document)) = self.reference(reference, mapping, &at, follow) else {
                            continue;
                        };
                        let root = Location::root(file);
                        if !self.is_broken(&root) {
                            build::referenced(self, spicepod, &document, section, &root);
                        }
                    }
                }
            }
        }
    }

    fn reference(
        &mut self,
        node: &Node,
        mapping: &'static Mapping,
        at: &Location,
        follow: bool,
    ) -> Option<(usize, Document)> {
        let yaml::NodeKind::Scalar { text: path, .. } = &node.kind else { return None };
        if !follow {
            let problem = Problem::error(at.clone(), "a text that stands alone cannot reference files");
            self.problems.push(problem);
            return None;
        }
        let target = self.folder.join(path);
        let kind = mapping.what.rsplit(' ').next().unwrap_or("model");
        let candidates =
            if target.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                vec![target]
            } else {
                vec![target.join(format!("{kind}.yaml")), target.join(format!("{kind}.yml"))]
            };
        let Some(found) = candidates.iter().find(|candidate| candidate.is_file()) else {
            let help = format!(
                "create {}",
                candidates.first().map(|path| path.display().to_string()).unwrap_or_default()
            );
            self.problems.push(Problem::error(at.clone(), format!("`{path}` does not exist")).help(help));
            return None;
        };
        self.inside(found, mapping, at)
    }

    /// Reads a file that must lie in the manifest's folder.
    fn inside(&mut self, path: &Path, mapping: &'static Mapping, at: &Location) -> Option<(usize, Document)> {
        let within = path
            .canonicalize()
            .and_then(|file| Ok(file.starts_with(self.folder.canonicalize()?)))
            .unwrap_or(false);
        if !within {
            let problem = Problem::error(at.clone(), "the file lies outside the manifest's folder");
            self.problems.push(problem.help("move it below the manifest"));
            return None;
        }
        match read(path) {
            Ok(text) => self.document(&path.display().to_string(), &text, mapping),
            Err(message) => {
                self.problems.push(Problem::error(at.clone(), message));
                None
            }
        }
    }

    /// Adds the components of the manifests under `spicepods/`; one level, as Spice does.
    fn dependencies(&mut self, spicepod: &mut Spicepod, document: &Document, file: usize, follow: bool) {
        let section = Location::root(file).key("dependencies");
        if self.is_broken(&section) {
            return;
        }
        let names: Vec<String> = document.read(&["dependencies"], None).unwrap_or_default();
        for (index, name) in names.iter().enumerate() {
            let at = section.clone().index(index);
            if !follow {
                self.problems.push(Problem::error(at, "a text that stands alone cannot have dependencies"));
                continue;
            }
            let folder = self.folder.join("spicepods").join(name);
            let candidates = ["spicepod.yaml", "spicepod.yml"].map(|file| folder.join(file));
            let Some(path) = candidates.iter().find(|candidate| candidate.is_file()) else {
                let help = format!("create spicepods/{name}/spicepod.yaml, or remove the dependency");
                self.problems
                    .push(Problem::error(at, format!("the dependency `{name}` does not exist")).help(help));
                continue;
            };
            let Some((file, document)) = self.inside(path, &SPICEPOD, &at) else { continue };
            for section in ["runtime", "secrets", "dependencies"] {
                let root = Location::root(file).key(section);
                if self.tree(file).is_some_and(|tree| tree.get(section).is_some()) {
                    let message = format!("`{section}` of a dependency has no effect");
                    self.problems
                        .push(Problem::warning(root.name(), message).help("move it to the main manifest"));
                }
            }
            self.components(spicepod, &document, file, follow);
        }
    }
}
