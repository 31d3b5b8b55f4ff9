// What a page of a comparison is made of: recordings, and a comparison that was made of recordings before.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/result.h"
#include "viewer/web/examples.h"

namespace trapline::cli {

struct ComparedRecordings {
  nlohmann::json comparison;  // trapline.compare/1
  viewer::Examples examples;
};

// The workloads of two recordings, event by event: the first one is what the second is compared with.
[[nodiscard]] Result<ComparedRecordings> compare_two(const std::filesystem::path& first,
                                                     const std::filesystem::path& second);

// What `trapline compare --json` wrote. Examples come from the recordings that it names, as far as they are
// there; a relative name is looked for from here, then from the file's folder.
[[nodiscard]] Result<ComparedRecordings> read_comparison(const std::filesystem::path& file);

}  // namespace trapline::cli
