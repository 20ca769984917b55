//! Attacks from inside a guest: on another guest, on the host, on the wire. None may arrive, and nobody may believe another
//! to be where he is not; what is honest must pass.
//!
//! The same suite can be pointed at the scripts that Xen ships: `make attacks-stock` prints both columns.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "panicking is how a test fails")]

mod forgeries;
mod honest;
mod scene;
mod table;
mod tunnels;

use scene::{Scene, stock_scripts};
use table::{Cell, Row, print};

/// What came of all attacks.
fn attacks(scene: &mut Scene) -> Vec<Row> {
    forgeries::all()
        .into_iter()
        .map(|forgery| {
            let cells = scene.targets().map(|target| scene.attack(&target, &forgery));
            Row { name: forgery.name, cells }
        })
        .collect()
}

#[test]
fn no_attack_arrives_and_nobody_is_deceived() {
    let Some(mut scene) = Scene::ours() else { return };
    let rows = attacks(&mut scene);
    let failed: Vec<&Row> =
        rows.iter().filter(|row| row.cells.iter().any(|cell| *cell != Cell::Nothing)).collect();
    assert!(failed.is_empty(), "{}", print(&[("guarded", &rows)]));
    assert!(rows.len() >= 80, "{} attacks", rows.len());
}

#[test]
fn what_is_honest_passes() {
    let Some(mut scene) = Scene::ours() else { return };
    for (name, frames) in honest::all() {
        for target in scene.targets() {
            for frame in frames(&target) {
                let arrived = scene.arrives(&target, &frame);
                assert!(arrived, "{name} does not arrive at {}: {frame:?}", target.station);
            }
        }
    }
}

#[test]
fn what_is_in_tunnels_comes_to_nothing() {
    let Some(mut scene) = Scene::ours() else { return };
    tunnels::come_to_nothing(&mut scene);
}

/// The marker of the lookout and the honest frames show that frames arrive at all; that attacks would, only an unguarded
/// host can show.
#[test]
fn attacks_arrive_where_there_is_no_guard() {
    let Some(mut scene) = Scene::unguarded() else { return };
    let rows = attacks(&mut scene);
    let nowhere: Vec<&str> = rows
        .iter()
        .filter(|row| row.cells.iter().all(|cell| *cell == Cell::Nothing))
        .map(|row| row.name.as_str())
        .collect();
    let stopped_otherwise = [
        // The bridge does not pass them on.
        "a spanning tree's",
        "LLDP",
        "a pause",
        "link aggregation",
        "the last reserved",
        "from everybody",
        "from a group",
        // br_netfilter looks at IP headers, where it is on.
        "an Ethernet header",
        "IPv4 cut",
        "IPv4 longer",
        "IPv4 with a header",
        "IPv6 cut",
        "IPv6 longer",
    ];
    let unexplained: Vec<&&str> = nowhere
        .iter()
        .filter(|name| !stopped_otherwise.iter().any(|front| name.starts_with(front)))
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:?}\n{}", print(&[("unguarded", &rows)]));
}

#[test]
#[ignore = "it is made for its table: make attacks-stock"]
fn side_by_side() {
    let Some(folder) = stock_scripts() else { return };
    let Some(mut stock) = Scene::new(&folder, None) else { return };
    let stock_rows = attacks(&mut stock);
    drop(stock);
    let mut ours = Scene::ours().unwrap();
    let our_rows = attacks(&mut ours);
    println!("\n{}", print(&[("Xen's scripts", &stock_rows), ("dom0net", &our_rows)]));
}
