// Hands one file to Perfetto's UI, which runs in a browser and may fetch from 127.0.0.1:9001 only.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace trapline::cli {

// A server for one file and one reader: on the loopback interface, for the path that it names, in answer to a
// request that names it by its own address (another site's name that leads here is refused). Everything else
// gets an error and ends nothing.
class OneFileServer {
 public:
  static constexpr std::uint16_t kPerfettoPort = 9001;
  static constexpr std::string_view kPerfetto = "https://ui.perfetto.dev";

  // `name`: what the file is called in the URL; letters, digits, dots, dashes. Port 0: any that is free.
  // Fails where the port is taken.
  static Result<OneFileServer> listen(std::string name, std::uint16_t port = kPerfettoPort);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // What Perfetto's UI is to be opened with.
  [[nodiscard]] std::string page_url() const;
  // Returns when the file was fetched whole, or with an error when `stop` was set before.
  [[nodiscard]] Status serve(std::string_view content, const std::atomic<bool>& stop);

 private:
  OneFileServer(Fd socket, std::string name, std::uint16_t port)
      : socket_(std::move(socket)), name_(std::move(name)), port_(port) {}

  Fd socket_;
  std::string name_;
  std::uint16_t port_;
};

}  // namespace trapline::cli
