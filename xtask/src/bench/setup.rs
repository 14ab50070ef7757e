//! Building the programs, installing the libraries and making the data. What is there already is used.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{
    cases::{OURS, PYTHON, Workload},
    peers::{Home, LIBRARIES, Library, Reads, scripts},
};
use crate::{
    peer::{self, Environment, Generation, Peer},
    process, workspace,
};

/// Changed when data of an earlier version must not be used any more.
const DATA_VERSION: u32 = 1;

/// What is there to be measured.
pub(super) struct Setup {
    /// Our program.
    program: PathBuf,
    /// The directory of the data.
    pub(super) data: PathBuf,
    /// Where libraries believe the user's home is.
    home: PathBuf,
    plan: Value,
    peer: Option<Peer>,
    /// The libraries that are installed, with their versions.
    pub(super) installed: Vec<(&'static str, String)>,
    /// The libraries that are not, and why.
    pub(super) missing: Vec<(&'static str, String)>,
}

impl Setup {
    /// Everything.
    pub(super) fn prepare(quick: bool) -> Result<Self> {
        let mut setup = Self::own_only(quick)?;
        match peer::set_up()? {
            Ok(peer) => setup.peer = Some(peer),
            Err(reason) => println!("no Python, so only our own programs: {reason}"),
        }
        for library in &LIBRARIES {
            match setup.install(library) {
                Ok(versions) => setup.installed.push((library.name, versions)),
                Err(error) => {
                    println!("{} is left out: {error:#}", library.title);
                    setup.missing.push((library.name, format!("{error:#}")));
                }
            }
        }
        if setup.missing.iter().any(|(name, _)| *name == "atdata") {
            bail!("without Python's atdata there are no shards of Python's to read");
        }
        for workload in Workload::ALL {
            setup.make_tars(workload)?;
            for library in
                LIBRARIES.iter().filter(|library| library.reads == Reads::Own && setup.has(library))
            {
                setup.make(workload, library.name, setup.script(library)?, library.name)?;
            }
        }
        Ok(setup)
    }

    /// What counting instructions needs: our program, and the quick data.
    pub(super) fn for_instructions() -> Result<Self> {
        let setup = Self::own_only(true)?;
        setup.make_own(Workload::Small)?;
        Ok(setup)
    }

    fn own_only(quick: bool) -> Result<Self> {
        process::run(&mut process::cargo(&["build", "--release", "--quiet", "--package", "atdata-bench"]))?;
        let program = workspace::metadata()?.target.join("release").join("atdata-bench");
        let cache = workspace::cache()?.join("bench");
        let scale = if quick { "quick" } else { "full" };
        let data = cache.join(format!("{scale}-{DATA_VERSION}"));
        let home = cache.join("home");
        fs::create_dir_all(&data).with_context(|| data.display().to_string())?;
        fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
        let mut setup = Self {
            program,
            data,
            home,
            plan: Value::Null,
            peer: None,
            installed: Vec::new(),
            missing: Vec::new(),
        };
        let plan = setup.data.join("plan.json");
        if !plan.exists() {
            setup.own(&["plan", "--scale", scale])?;
        }
        setup.plan = serde_json::from_str(&fs::read_to_string(&plan)?).context("plan.json")?;
        Ok(setup)
    }

    /// A number of the plan.
    pub(super) fn planned(&self, workload: Workload, what: &str) -> Result<u64> {
        let number = self.plan.get(workload.name()).and_then(|spec| spec.get(what)?.as_u64());
        number.with_context(|| format!("plan.json has no {what} of {}", workload.name()))
    }

    /// What our program prints.
    pub(super) fn own(&self, arguments: &[&str]) -> Result<String> {
        process::output(self.own_command().args(arguments))
    }

    /// A command that runs our program.
    pub(super) fn own_command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--data").arg(&self.data);
        command
    }

    /// Whether a library is installed.
    pub(super) fn has(&self, library: &Library) -> bool {
        self.installed.iter().any(|(name, _)| *name == library.name)
    }

    /// A command that runs the script of a library.
    pub(super) fn script(&self, library: &Library) -> Result<Command> {
        let peer = self.peer.as_ref().context("there is no Python >= 3.12")?;
        let script = scripts().join(format!("peer_{}.py", library.name));
        let mut command = peer.run(&self.environment(peer, library)?, &script);
        command.arg("--data").arg(&self.data).env("HOME", &self.home).current_dir(&self.home);
        // Nothing is to be looked up elsewhere while it is measured.
        command.env("HF_HUB_OFFLINE", "1").env_remove("PYTHONPATH");
        Ok(command)
    }

    /// The directory of a data set.
    pub(super) fn directory(&self, workload: Workload, data: &str) -> PathBuf {
        self.data.join(data).join(workload.name())
    }

    fn environment(&self, peer: &Peer, library: &Library) -> Result<Environment> {
        Ok(match library.home {
            Home::Atdata => peer.environment(Generation::Latest),
            Home::Own(name) => {
                let directory = workspace::cache()?.join("bench").join("environments").join(name);
                Environment::new(directory, scripts().join(format!("requirements-{name}.txt")))
            }
        })
    }

    /// Installs a library, and gives its versions.
    fn install(&self, library: &Library) -> Result<String> {
        let peer = self.peer.as_ref().context("there is no Python >= 3.12")?;
        peer.ensure(&self.environment(peer, library)?)?;
        let printed = process::output(self.script(library)?.arg("--versions"))?;
        let line = printed.lines().last().context("no versions")?;
        let versions: Value = serde_json::from_str(line).context("versions")?;
        let versions = versions.as_object().context("versions")?.iter();
        Ok(versions
            .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or("?")))
            .collect::<Vec<_>>()
            .join(", "))
    }

    /// The shards that we write, and those that Python writes.
    fn make_tars(&self, workload: Workload) -> Result<()> {
        self.make_own(workload)?;
        let python = LIBRARIES.iter().find(|library| library.name == "atdata").context("no Python atdata")?;
        self.make(workload, python.name, self.script(python)?, PYTHON)
    }

    fn make_own(&self, workload: Workload) -> Result<()> {
        let mut command = self.own_command();
        command.arg("run");
        self.make(workload, OURS, command, OURS)
    }

    /// Makes a data set with the program's way `write`, unless a stamp says that it is whole.
    fn make(&self, workload: Workload, program: &str, mut command: Command, data: &str) -> Result<()> {
        let directory = self.directory(workload, data);
        let stamp = directory.with_extension("stamp");
        let made_with = self
            .installed
            .iter()
            .find(|(name, _)| *name == program)
            .map_or_else(String::new, |(_, versions)| versions.clone());
        if fs::read_to_string(&stamp).is_ok_and(|text| text == made_with) {
            return Ok(());
        }
        println!("writing {}", directory.display());
        if directory.exists() {
            fs::remove_dir_all(&directory).with_context(|| directory.display().to_string())?;
        }
        // Our store makes the directory of the data set itself.
        let out = if data == OURS { self.data.join(OURS) } else { directory };
        fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
        command.args(["--way", "write", "--workload", workload.name(), "--out"]).arg(&out);
        process::output(&mut command)?;
        fs::write(&stamp, made_with).with_context(|| stamp.display().to_string())
    }
}

/// Reads the files below a directory, so that they are in the page cache.
pub(super) fn warm(directory: &Path) -> Result<()> {
    let mut buffer = vec![0; 1 << 20];
    for path in workspace::files(directory)? {
        let mut file = fs::File::open(&path).with_context(|| path.display().to_string())?;
        while std::io::Read::read(&mut file, &mut buffer)? > 0 {}
    }
    Ok(())
}
