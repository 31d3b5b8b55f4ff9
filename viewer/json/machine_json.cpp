#include "viewer/json/machine_json.h"

namespace trapline::viewer {

nlohmann::json machine_json(const recording::RecordingInfo& info) {
  return {{"trapline", info.trapline_version},
          {"host", info.hostname},
          {"kernel", info.kernel_release},
          {"cpu", info.cpu_model},
          {"isa", recording::isa_name(info.isa)},
          {"command_line", info.command_line},
          {"probes", info.mode}};
}

}  // namespace trapline::viewer
