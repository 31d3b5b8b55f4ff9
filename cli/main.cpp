// trapline: where a virtual CPU's time goes when it is interrupted.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <exception>

#include "cli/subcommands.h"
#include "cli/version.h"

namespace {

using trapline::Error;
using trapline::ExitStatus;

int print_error(const Error& error) {
  fmt::print(stderr, "trapline: {}\n", error.text());
  return static_cast<int>(error.status);
}

// CLI11 prints help and version itself; everything else that it throws is wrong usage.
int finish_parsing(const CLI::App& program, const CLI::ParseError& stop) {
  const int status = program.exit(stop);
  return static_cast<int>(status == 0 ? ExitStatus::done : ExitStatus::wrong_usage);
}

int run_program(int argc, char** argv) {
  CLI::App program("Traces and profiles VM exits, injections and guest interrupt handlers of KVM.",
                   "trapline");
  program.set_version_flag("--version", std::string("trapline ") + trapline::cli::kVersion);
  program.require_subcommand(1);
  program.failure_message(CLI::FailureMessage::help);
  program.footer(
      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 this machine lacks something (it is named).");
  const std::array subcommands = {
      trapline::cli::add_run(program),    trapline::cli::add_compare(program),
      trapline::cli::add_record(program), trapline::cli::add_report(program),
      trapline::cli::add_export(program), trapline::cli::add_diff(program),
      trapline::cli::add_view(program),   trapline::cli::add_top(program),
      trapline::cli::add_doctor(program),
  };
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    return finish_parsing(program, stop);
  }
  for (const auto& subcommand : subcommands) {
    if (!subcommand.app->parsed()) continue;
    const auto status = subcommand.action();
    return status ? static_cast<int>(*status) : print_error(status.error());
  }
  return static_cast<int>(ExitStatus::wrong_usage);
}

}  // namespace

int main(int argc, char** argv) {
  // Our own code throws nothing; libraries may, when memory runs out.
  try {
    return run_program(argc, argv);
  } catch (const std::exception& exception) {
    std::fputs("trapline: ", stderr);
    std::fputs(exception.what(), stderr);
    std::fputs("\n", stderr);
  }
  return static_cast<int>(ExitStatus::failed);
}
