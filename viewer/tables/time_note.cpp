#include "viewer/tables/time_note.h"

namespace trapline::viewer {

std::string_view time_note(recording::TimeKind kind) {
  switch (kind) {
    case recording::TimeKind::real:
      return {};
    case recording::TimeKind::emulated:
      return "emulated machine: counts and order are real, times are not\n";
    case recording::TimeKind::counted:
      return "counted time: 1 ns is 1 executed instruction of an emulated machine, not a time\n";
  }
  return {};
}

}  // namespace trapline::viewer
