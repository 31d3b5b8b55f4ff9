#include "viewer/lanes/vm_name.h"

#include <fmt/format.h>

namespace trapline::viewer {

std::string vm_name(const recording::RecordingInfo& info) {
  std::string name = info.path.empty() ? "VM" : "VM " + info.path;
  if (info.time_kind != recording::TimeKind::real)
    name += fmt::format(" ({} time)", recording::time_kind_name(info.time_kind));
  return name;
}

}  // namespace trapline::viewer
