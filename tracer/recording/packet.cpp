#include "tracer/recording/packet.h"

#include <fmt/format.h>

#include <cstring>

namespace trapline::recording {

tl::expected<Packet, NoPacket> packet_at(std::span<const std::byte> rest, StreamKey key) {
  Packet packet;
  if (rest.size() < sizeof packet.header) return tl::unexpected(NoPacket{true, {}});
  std::memcpy(&packet.header, rest.data(), sizeof packet.header);
  const PacketHeader& header = packet.header;
  const auto damage = [](std::string_view what) { return tl::unexpected(NoPacket{false, what}); };

  if (header.magic != kPacketMagic) return damage("no packet begins here");
  if (header.stream_id != static_cast<std::uint32_t>(key.stream) ||
      header.stream_instance_id != key.instance || header.instance != key.instance) {
    return damage("the packet is of another stream than the file");
  }
  if (header.timestamp_end < header.timestamp_begin) return damage("the packet ends before it begins");
  const std::uint64_t bytes = header.packet_size / 8;
  if (header.packet_size % 8 != 0 || header.content_size != header.packet_size || bytes < sizeof header ||
      bytes > kMaxPacketBytes) {
    return damage("the packet's sizes are impossible");
  }
  // All but the session's events are multiples of 8 bytes and stay aligned.
  if (key.stream != StreamClass::session && bytes % 8 != 0)
    return damage("the packet's sizes are impossible");
  if (bytes > rest.size()) return tl::unexpected(NoPacket{true, {}});
  packet.events = rest.subspan(sizeof header, static_cast<std::size_t>(bytes) - sizeof header);
  return packet;
}

tl::unexpected<Error> damaged_at(std::string_view file, std::uint64_t offset, std::string_view what) {
  return fail(fmt::format("{}: byte {}: {}", file, offset, what), "the recording is damaged: make it again");
}

}  // namespace trapline::recording
