//! The Kubernetes objects of a project, found by kind and read by path.

use saphyr::{LoadableYamlNode, MarkedYaml};

use crate::error::{Error, Result};
use crate::tree::{Tree, TreePath};

/// A node of a YAML document; it knows its line and column.
pub type Node<'t> = MarkedYaml<'t>;

/// One object of a manifest.
#[derive(Debug)]
pub struct Document<'t> {
    /// The file.
    pub path: &'t TreePath,
    /// The object.
    pub root: Node<'t>,
}

impl<'t> Document<'t> {
    /// All objects in the manifests of a project. Overlays hold patches, not whole objects, and
    /// are left out.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if a file is not YAML, with its place.
    pub fn all(tree: &'t Tree) -> Result<Vec<Self>> {
        let mut documents = Vec::new();
        for (path, file) in tree.iter() {
            let name = path.as_str();
            let manifest = name.starts_with("deploy/") && !name.starts_with("deploy/overlays/");
            if !manifest || !(name.ends_with(".yaml") || name.ends_with(".yml")) {
                continue;
            }
            let roots = MarkedYaml::load_from_str(&file.text).map_err(|error| {
                let at = error.marker();
                let place = format!("{path}:{}:{}", at.line(), at.col() + 1);
                Error::usage(format!("`{place}` cannot be read: {}", error.info()))
                    .hint("correct the YAML there")
            })?;
            documents.extend(roots.into_iter().map(|root| Self { path, root }));
        }
        Ok(documents)
    }

    /// The object's kind.
    pub fn kind(&self) -> Option<&str> {
        self.root.data.as_mapping_get("kind")?.data.as_str()
    }

    /// The object's name.
    pub fn name(&self) -> Option<&str> {
        self.root.data.as_mapping_get("metadata")?.data.as_mapping_get("name")?.data.as_str()
    }

    /// The specification of the pods that the object makes, if it makes any.
    pub fn pod(&self) -> Option<&Node<'t>> {
        let path: &[&str] = match self.kind()? {
            "Pod" => &["spec"],
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => {
                &["spec", "template", "spec"]
            }
            "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
            _ => return None,
        };
        path.iter().try_fold(&self.root, |node, key| node.data.as_mapping_get(key))
    }

    /// The containers of those pods, those that run first included.
    pub fn containers(&self) -> Vec<&Node<'t>> {
        let lists = ["initContainers", "containers"].iter();
        let list = |key: &&str| self.pod()?.data.as_mapping_get(key)?.data.as_sequence();
        lists.filter_map(list).flatten().collect()
    }
}

/// A path into a document: `a.b[*]["c.d/e"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePath(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Key(String),
    Each,
}

impl NodePath {
    /// Reads a path; `None` if it is malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[*]") {
                parts.push(Part::Each);
                rest = after;
            } else if let Some(quoted) = rest.strip_prefix("[\"") {
                let (key, after) = quoted.split_once("\"]")?;
                parts.push(Part::Key(key.to_owned()));
                rest = after;
            } else {
                let plain = rest.strip_prefix('.').unwrap_or(rest);
                let end = plain.find(['.', '[']).unwrap_or(plain.len());
                let (key, after) = plain.split_at(end);
                if key.is_empty() {
                    return None;
                }
                parts.push(Part::Key(key.to_owned()));
                rest = after;
            }
        }
        (!parts.is_empty()).then_some(Self(parts))
    }

    /// The nodes at the path below `node`, one for every element of each list on the way; `None`
    /// stands for one that is missing.
    pub fn find<'n, 't>(&self, node: &'n Node<'t>) -> Vec<Option<&'n Node<'t>>> {
        self.0.iter().fold(vec![Some(node)], |nodes, part| {
            nodes
                .into_iter()
                .flat_map(|node| match (part, node) {
                    (Part::Key(key), node) => {
                        vec![node.and_then(|node| node.data.as_mapping_get(key))]
                    }
                    (Part::Each, node) => match node.and_then(|node| node.data.as_sequence()) {
                        Some(elements) => elements.iter().map(Some).collect(),
                        None => vec![None],
                    },
                })
                .collect()
        })
    }
}
