// tool/setup/undo.hpp - the way back: what --apply remembers about main.cf, and how --undo uses it. Pure.
//
// Two files beside main.cf, readable by people: a copy of the original main.cf ("main.cf.stsmap-before") and
// the record ("main.cf.stsmap-undo"). If main.cf is still as the last --apply left it, --undo restores the copy
// octet by octet; otherwise it restores, one by one, only the values that are still ours.
#pragma once

#include "tool/setup/plan.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace setup {

inline constexpr std::string_view record_suffix = ".stsmap-undo";
inline constexpr std::string_view copy_suffix = ".stsmap-before";

struct UndoRecord {
    struct Entry {
        std::string name;
        std::optional<std::string> before; ///< nullopt: was not in main.cf
        std::string after;
        friend bool operator==(const Entry&, const Entry&) = default;
    };
    std::vector<Entry> entries;
    std::string digest;    ///< SHA-256 in hex of main.cf as --apply left it; "" if it did not get so far
    bool has_copy = false; ///< the copy is main.cf without any of the entries
    friend bool operator==(const UndoRecord&, const UndoRecord&) = default;
};

[[nodiscard]] std::string format_record(const UndoRecord& record);
/// nullopt when it is not one of our records.
[[nodiscard]] std::optional<UndoRecord> parse_record(std::string_view text);

/// The record for `changes`, made after an earlier --apply with record `old`: --undo still leads back to the
/// state before the first. `digest_now` is the digest of main.cf before the changes. A copy must be made when
/// has_copy is set and `old` had none.
[[nodiscard]] UndoRecord next_record(const std::optional<UndoRecord>& old, const std::vector<Change>& changes,
                                     std::string_view digest_now);

struct Undo {
    bool restore_copy = false; ///< main.cf becomes the copy
    struct Setting {
        std::string name;
        std::optional<std::string> value; ///< nullopt: postconf -X
        friend bool operator==(const Setting&, const Setting&) = default;
    };
    std::vector<Setting> settings;    ///< used if restore_copy is false
    std::vector<std::string> remarks; ///< what is not changed, and why
};

/// Without a record, only our map is removed from the list.
[[nodiscard]] Undo plan_undo(const std::optional<UndoRecord>& record, const Installed& postfix,
                             const OurPlaces& ours, std::string_view digest_now);

/// The command an administrator would type: "postconf -e 'name = value'" or "postconf -X name". `config` is
/// the folder given by -c, "" for none.
[[nodiscard]] std::string command_for(const std::string& name, const std::optional<std::string>& value,
                                      const std::string& config);
/// The text in single quotes for a shell, if it needs them.
[[nodiscard]] std::string shell_quoted(std::string_view text);

} // namespace setup
