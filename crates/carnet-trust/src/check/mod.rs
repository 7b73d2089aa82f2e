//! Would a relying party accept this token under this policy, and if not, which condition fails first and what mends it?
