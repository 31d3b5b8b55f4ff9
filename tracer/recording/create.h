// Makes the folder of a new recording, so that it is complete or not there.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "tracer/recording/writer.h"

namespace trapline::recording {

// The path without slashes at its end: open(2) with O_NOFOLLOW follows "link/".
[[nodiscard]] std::filesystem::path without_final_slashes(const std::filesystem::path& path);

// As RecordingWriter::create; gives the open folder.
[[nodiscard]] Result<Fd> create_folder(const std::filesystem::path& folder, std::string_view metadata,
                                       IfExists if_exists);

// Whether create_folder would take what is there; changes nothing.
[[nodiscard]] Status check_folder(const std::filesystem::path& folder, IfExists if_exists);

}  // namespace trapline::recording
