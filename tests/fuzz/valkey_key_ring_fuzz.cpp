// Any octets as a key file: keys within the limits, or words that name a line and hold nothing of the file.
#include "fuzz.hpp"

#include "cache/valkey/key_ring.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view file = fuzz::view(data, size);
    const auto ring = valkey::KeyRing::parse(file);
    if (!ring) {
        const auto lines = static_cast<std::size_t>(std::ranges::count(file, '\n')) + 1;
        fuzz::require(ring.error().line <= lines, "a line of the file");
        fuzz::require(fuzz::is_printable(words(ring.error())), "words");
        // Constant words: they do not change with the file's characters.
        std::string other{file};
        for (char& c : other)
            if (c == '@') c = '!';
        const auto again = valkey::KeyRing::parse(other);
        fuzz::require(!again && again.error() == ring.error(), "words that hold nothing of the file");
        return 0;
    }
    const auto keys = ring->keys();
    fuzz::require(!keys.empty() && keys.size() <= valkey::max_keys, "within the limits");
    fuzz::require(ring->sealing().id == keys.front().id, "the first seals");
    for (const valkey::Key& key : keys) {
        fuzz::require(valkey::is_key_id(key.id) && ring->find(key.id) == &key,
                      "ids that are found, once each");
        for (const valkey::Key& other : keys)
            fuzz::require(&other == &key || !(other.seal == key.seal), "keys once each");
    }
    return 0;
}
