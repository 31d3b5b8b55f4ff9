#include "cli/command_line.h"

#include <fmt/ranges.h>

namespace trapline::cli {

std::string command_line_of(const CLI::App& subcommand) {
  std::string line = "trapline " + subcommand.get_name();
  for (const CLI::Option* option : subcommand.get_options()) {
    if (option->count() == 0) continue;
    line += fmt::format(" {} {}", option->get_name(), fmt::join(option->results(), ","));
  }
  return line;
}

}  // namespace trapline::cli
