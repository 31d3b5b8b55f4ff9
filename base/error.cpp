#include <fmt/format.h>

#include <cstring>

#include "base/result.h"

namespace trapline {

std::string Error::text() const {
  if (remedy.empty()) return what;
  return fmt::format("{}\n  remedy: {}", what, remedy);
}

Error system_error(std::string_view action, std::string_view object, int error_number, std::string remedy) {
  // strerror_r of glibc returns the text; the buffer is used only for unknown numbers.
  char buffer[128];
  const char* reason = ::strerror_r(error_number, buffer, sizeof buffer);
  return Error{fmt::format("cannot {} {}: {}", action, object, reason), std::move(remedy),
               ExitStatus::failed};
}

}  // namespace trapline
