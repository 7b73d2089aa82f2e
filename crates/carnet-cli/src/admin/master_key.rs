//! `carnet admin wrap-master-key`, `unwrap-master-key` and `rewrap-master-key`: changes how the master key is kept.

use anyhow::{Context as _, bail};
use secrecy::ExposeSecret as _;

use super::DataOptions;
use crate::data_dir::DataDir;
use crate::edge;
use crate::key_places::key_wrapper;
use crate::master_key::{MasterKeyPlace, open, read_plain, read_wrapped, replace, wrap, write_new};

fn place(options: &DataOptions) -> anyhow::Result<MasterKeyPlace> {
    let Some(wrapper) = &options.wrapper.master_key_wrapper else {
        bail!("name what wraps the master key with --master-key-wrapper transit:MOUNT/KEY");
    };
    let data = DataDir::beside_database(&options.data);
    let wrapper = key_wrapper(wrapper, &options.transit)?;
    Ok(MasterKeyPlace::new(&data, options.master_key_file.as_deref(), Some(wrapper)))
}

/// Replaces the key in the clear by a wrapped one.
pub(super) async fn wrap_key(options: &DataOptions) -> anyhow::Result<()> {
    let place = place(options)?;
    let wrapper = place.wrapper().context("there is a wrapper")?;
    let (plain, wrapped_file) = (place.plain_file(), place.wrapped_file());
    if wrapped_file.exists() {
        bail!("{} is there already; see `carnet admin rewrap-master-key`", wrapped_file.display());
    }
    let from_environment = match edge::secret("CARNET_MASTER_KEY") {
        Some(text) => Some(
            carnet_store::MasterKey::from_text(text.expose_secret())
                .context("CARNET_MASTER_KEY must hold 32 bytes, as 64 hex digits or base64")?,
        ),
        None => None,
    };
    let is_from_file = from_environment.is_none();
    let key = match from_environment {
        Some(key) => key,
        None => read_plain(plain)?.with_context(|| {
            format!("there is no master key in {}; name its file with --master-key-file", plain.display())
        })?,
    };
    let wrapped = wrap(wrapper, &key).await?;
    write_new(&wrapped_file, wrapped.to_text().as_bytes())?;
    if is_from_file {
        std::fs::remove_file(plain).with_context(|| format!("{} cannot be removed", plain.display()))?;
    }
    edge::print(&format!(
        "the master key is in {} now, wrapped by {place}; start the server with --master-key-wrapper {place}. Copies of the \
         key in the clear, in backups for instance, still open the data\n",
        wrapped_file.display(),
        place = wrapper.reference()
    ))
}

/// Replaces the wrapped key by one in the clear.
pub(super) async fn unwrap_key(options: &DataOptions) -> anyhow::Result<()> {
    let place = place(options)?;
    let wrapper = place.wrapper().context("there is a wrapper")?;
    let (plain, file) = (place.plain_file(), place.wrapped_file());
    let wrapped = read_wrapped(&file)?.with_context(|| format!("{} is missing", file.display()))?;
    let key = open(wrapper, &wrapped, &file).await?;
    write_new(plain, format!("{}\n", key.to_text().as_str()).as_bytes())?;
    std::fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))?;
    edge::print(&format!(
        "the master key is in {} now, in the clear; start the server without --master-key-wrapper\n",
        plain.display()
    ))
}

/// Wraps the key with the newest version of the wrapping key, or with another one.
pub(super) async fn rewrap_key(options: &DataOptions, to: Option<&str>) -> anyhow::Result<()> {
    let place = place(options)?;
    let wrapper = place.wrapper().context("there is a wrapper")?;
    let file = place.wrapped_file();
    let mut wrapped = read_wrapped(&file)?.with_context(|| format!("{} is missing", file.display()))?;
    // It must open before, and what replaces it must open after.
    let key = open(wrapper, &wrapped, &file).await?;
    match to {
        Some(other) => {
            let other = key_wrapper(other, &options.transit)?;
            wrapped = wrap(other.as_ref(), &key).await?;
        }
        None => {
            wrapped.ciphertext = wrapper.rewrap(&wrapped.ciphertext).await?;
            let again = open(wrapper, &wrapped, &file).await?;
            if *again.to_text() != *key.to_text() {
                bail!("{} opened another key; nothing was changed", wrapper.reference());
            }
        }
    }
    replace(&file, wrapped.to_text().as_bytes())?;
    edge::print(&format!("the master key in {} is wrapped by {} now\n", file.display(), wrapped.wrapped_by))
}
