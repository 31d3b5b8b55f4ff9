#include "cli/temporary_folder.h"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

namespace trapline::cli {

Result<TemporaryFolder> TemporaryFolder::create() {
  std::error_code error;
  const auto base = std::filesystem::temp_directory_path(error);
  if (error) return fail("no folder for temporary files: " + error.message(), "set TMPDIR to one");
  std::string name = (base / "trapline.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return fail(system_error("make a folder like", name, errno));
  return TemporaryFolder(name);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // what cannot be removed stays: there is nobody to tell
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace trapline::cli
