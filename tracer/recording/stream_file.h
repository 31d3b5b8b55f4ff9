// The recording's files as files: written at their end, opened for reading without trusting what lies there.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/mapping.h"
#include "base/result.h"

namespace trapline::recording {

// Writes all parts at `offset`, in one pwritev(2) unless the kernel takes less than the whole. Uses up
// `parts`.
[[nodiscard]] Status write_parts(int fd, std::span<iovec> parts, std::uint64_t offset, std::string_view name);

// Maps a regular file of the folder for reading; an empty file is an empty mapping. Symbolic links are
// refused.
[[nodiscard]] Result<Mapping> map_file(int folder_fd, const std::string& file, std::string_view folder);

// Whether the folder has the metadata of a recording of ours.
[[nodiscard]] bool folder_holds_recording(int folder_fd);

}  // namespace trapline::recording
