#include "vmm/paths/paths.h"

#include <fmt/format.h>

#include "vmm/paths/hvm.h"

namespace trapline::vmm {

namespace {

constexpr PathEntry kPaths[] = {
    {"hvm", "hardware IDT, guest kernel at CPL 0, interrupt controllers in the host's kernel", make_hvm},
};

}  // namespace

std::span<const PathEntry> paths() {
  return kPaths;
}

Result<const PathEntry*> find_path(std::string_view name) {
  for (const PathEntry& entry : kPaths) {
    if (entry.name == name) return &entry;
  }
  std::string names;
  for (const PathEntry& entry : kPaths)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", entry.name);
  return fail(fmt::format("there is no delivery path '{}'", name), "use one of: " + names,
              ExitStatus::wrong_usage);
}

}  // namespace trapline::vmm
