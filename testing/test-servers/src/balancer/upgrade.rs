//! A connection that is HTTP no more: bytes both ways, until both ends have finished or one breaks.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio_util::task::AbortOnDropHandle;

/// Copies between the client and the backend, whose connection `driver` keeps until it is handed over.
pub(super) async fn copy(near: OnUpgrade, far: OnUpgrade, driver: AbortOnDropHandle<()>) {
    let (Ok(near), Ok(far)) = tokio::join!(near, far) else { return };
    drop(driver);
    // How it ends, both ends know.
    copy_bidirectional(&mut TokioIo::new(near), &mut TokioIo::new(far)).await.ok();
}
