//! The pages of the repository, whose examples must compile.

#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc = include_str!("../../../docs/quickstart.md")]
struct Quickstart;

#[doc = include_str!("../../../docs/tutorial-local.md")]
struct TutorialLocal;

#[doc = include_str!("../../../docs/tutorial-team.md")]
struct TutorialTeam;

#[doc = include_str!("../../../docs/tutorial-web.md")]
struct TutorialWeb;

#[doc = include_str!("../../../docs/tutorial-network.md")]
struct TutorialNetwork;

#[doc = include_str!("../../../docs/naming.md")]
struct Naming;

#[doc = include_str!("../../../docs/migrating.md")]
struct Migrating;

#[doc = include_str!("../../../docs/lenses.md")]
struct Lenses;

#[doc = include_str!("../../../docs/processing.md")]
struct Processing;

#[doc = include_str!("../../../docs/errors.md")]
struct Errors;
