// tests/explorer/oracle.hpp - how the world behaves when it is asked: chooses a setting when it is first used
// in an event, from a script, from the current settings, or at random; and notes the other choices.
#pragma once

#include "explorer/events.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <vector>

namespace explorer {

class Oracle {
public:
    explicit Oracle(const Alphabet& alphabet) : alphabet_(&alphabet) {}

    /// The next event has the settings that `script` names, which must outlive it; others have their usual
    /// value.
    void follow(const std::vector<Choice>& script) { begin(Mode::script), script_ = &script; }
    /// The next event finds what stands, and changes nothing but a record that was new.
    void stand(const std::array<std::uint8_t, dimensions>& standing) {
        begin(Mode::stand), standing_ = standing;
    }
    /// The next event is up to chance: mostly each setting has its usual value.
    void draw(std::mt19937_64& generator) { begin(Mode::draw), generator_ = &generator; }

    /// The setting for this event. Values in `never` (bits) are not possible now.
    std::uint8_t pick(Dimension dimension, std::uint32_t never = 0) {
        std::optional<std::uint8_t>& chosen = chosen_[static_cast<std::size_t>(dimension)];
        if (chosen) return *chosen;
        Made made{{dimension, 0}, {}};
        for (const std::uint8_t value : alphabet_->values[static_cast<std::size_t>(dimension)])
            if ((never >> value & 1U) == 0) made.options.push_back(value);
        if (made.options.empty()) made.options.push_back(0); // a setting that this alphabet does not know
        made.choice.value = choose(dimension, made.options);
        chosen = made.choice.value;
        made_.push_back(made);
        return *chosen;
    }

    struct Made {
        Choice choice;
        std::vector<std::uint8_t> options; ///< the possible values, in the alphabet's order
    };
    /// Of this event so far.
    [[nodiscard]] const std::vector<Made>& made() const { return made_; }
    [[nodiscard]] std::vector<Choice> choices() const {
        std::vector<Choice> all;
        for (const Made& made : made_) all.push_back(made.choice);
        return all;
    }

private:
    enum class Mode { script, stand, draw };
    void begin(Mode mode) {
        mode_ = mode;
        chosen_.fill(std::nullopt);
        made_.clear();
    }
    std::uint8_t choose(Dimension dimension, const std::vector<std::uint8_t>& options) {
        if (mode_ == Mode::script) {
            const auto wanted = std::ranges::find(*script_, dimension, &Choice::dimension);
            return wanted != script_->end() ? wanted->value : options.front();
        }
        if (mode_ == Mode::stand) return standing_[static_cast<std::size_t>(dimension)];
        if (mode_ == Mode::draw && (*generator_)() % 2 == 0) return options[(*generator_)() % options.size()];
        return options.front();
    }

    const Alphabet* alphabet_;
    Mode mode_ = Mode::draw;
    const std::vector<Choice>* script_ = nullptr;
    std::array<std::uint8_t, dimensions> standing_{};
    std::mt19937_64* generator_ = nullptr;
    std::array<std::optional<std::uint8_t>, dimensions> chosen_;
    std::vector<Made> made_;
};

} // namespace explorer
