// SPDX-License-Identifier: BSL-1.0
// ParkedRequests: refused requests of any type that wait for their users, in memory.
#ifndef REKEY_OAUTH_PARKED_HPP
#define REKEY_OAUTH_PARKED_HPP

#include <rekey/detail/aged_map.hpp>
#include <rekey/detail/maybe.hpp>
#include <rekey/resumable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// Keeps requests until their flow ends, each for one taker.
///
/// Threads   any
/// Cost      O(log n); at most `limit` requests, the oldest is dropped for a new one; those whose
///           authorization has expired are dropped, the oldest first, when the next one comes.
class ParkedRequests {
public:
    static constexpr std::size_t default_limit = 10000;

    explicit ParkedRequests(std::size_t limit = default_limit) noexcept : requests_(limit) {}

    /// `expires_at`: unix seconds, when the authorization is over.
    template <class Request>
    void keep(Resumable<Request> waiting, std::int64_t expires_at, std::int64_t now) {
        std::string flow = waiting.flow;
        auto parked = std::make_unique<Parked<Request>>(std::move(waiting));
        const std::lock_guard<std::mutex> lock(mutex_);
        (void)requests_.add(std::move(flow), Place{expires_at, std::move(parked)},
                            [now](const Place& oldest) { return oldest.expires_at <= now; });
    }

    /// The request of a flow, gone from here; nothing if it is not here, is of another type, or
    /// waited too long.
    template <class Request>
    rekey::detail::Maybe<Resumable<Request>> take(std::string_view flow, std::int64_t now) {
        rekey::detail::Maybe<Resumable<Request>> found;
        const std::lock_guard<std::mutex> lock(mutex_);
        const Place* const place = requests_.find(flow);
        if (place == nullptr || place->parked->type != type_of<Request>()) return found;
        if (now < place->expires_at)
            found.set(std::move(static_cast<Parked<Request>&>(*place->parked).waiting));
        (void)requests_.take(flow);
        return found;
    }

    std::size_t size() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return requests_.size();
    }

private:
    /// Tells request types apart without run-time type information.
    template <class Request> static const void* type_of() noexcept {
        static const char here = 0;
        return &here;
    }
    struct AnyParked {
        explicit AnyParked(const void* of) noexcept : type(of) {}
        AnyParked(const AnyParked&) = delete;
        AnyParked& operator=(const AnyParked&) = delete;
        virtual ~AnyParked() = default;
        const void* type;
    };
    template <class Request> struct Parked final : AnyParked {
        explicit Parked(Resumable<Request>&& given)
            : AnyParked(type_of<Request>()), waiting(std::move(given)) {}
        Resumable<Request> waiting;
    };
    struct Place {
        std::int64_t expires_at;
        std::unique_ptr<AnyParked> parked;
    };

    mutable std::mutex mutex_{};
    rekey::detail::AgedMap<std::string, Place> requests_;
};

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
