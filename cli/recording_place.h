// Where a recording goes: the folder that was asked for, or one that goes with the program.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/temporary_folder.h"

namespace trapline::cli {

struct RecordingPlace {
  std::optional<TemporaryFolder> temporary;
  std::filesystem::path folder;

  // `asked` is -o's value, empty if it was not given. Refuses, before a probe is loaded or a guest runs, what
  // RecordingWriter would refuse then.
  static Result<RecordingPlace> choose(const std::string& asked);
};

}  // namespace trapline::cli
