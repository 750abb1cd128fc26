#pragma once

/// Blocks that this thread asked the allocator for since it began; -1 where the C library's allocator cannot be
/// replaced. Linking this module replaces it.
long long allocations_of_this_thread(void);
