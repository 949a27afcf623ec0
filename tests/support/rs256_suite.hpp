// SPDX-License-Identifier: BSL-1.0
// rs256_suite: what every adapter that signs with RS256 must do, with keys that protect nothing.
#ifndef REKEY_TESTS_SUPPORT_RS256_SUITE_HPP
#define REKEY_TESTS_SUPPORT_RS256_SUITE_HPP

#include <rekey/oauth/jwt.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace rs256_suite {

using rekey::oauth::SignerResult;

// The public example key of RFC 7515 appendix A.2, written as PKCS#8. It protects nothing.
inline constexpr char rfc7515_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO\n"
    "jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL\n"
    "aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn\n"
    "juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5\n"
    "ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf\n"
    "toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg\n"
    "VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW\n"
    "PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G\n"
    "O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj\n"
    "kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6\n"
    "XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB\n"
    "4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K\n"
    "pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr\n"
    "0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE\n"
    "lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6\n"
    "kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP\n"
    "rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw\n"
    "kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp\n"
    "5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2\n"
    "9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/\n"
    "evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG\n"
    "yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj\n"
    "OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2\n"
    "tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3\n"
    "ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56\n"
    "03k2+ZQwVK0JKSHuLFkuQ3U=\n"
    "-----END PRIVATE KEY-----\n";

inline constexpr std::string_view rfc7515_input =
    "eyJhbGciOiJSUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

inline constexpr std::string_view rfc7515_token =
    "eyJhbGciOiJSUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
    "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
    "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
    "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
    "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
    "p0igcN_IoypGlUPQGe77Rw";

// The signatures of that key for an empty text and for 9,999 zeros with a 7 behind them, made by
// the program openssl: RS256 has one signature for a key and a text, whoever makes it.
inline constexpr std::string_view signature_of_nothing =
    "W6MI2y_kfmc08oJrt7480mBWHIYxy6n9DBwh3vtSylw-ErUyl8UJiTx1pxMBpDwG"
    "zfBA6P5D4itEPsg9ghMFlBgxCHzy9ylmIrr-h4o7pM3yVFr4phdmGicYOnVvvqBs"
    "5Nl4bAhPFOLhi1hbK9ZY_xpk7MuNzGX7aFlHdQgtlayP69vi6WSbV8xdAZQylMvd"
    "c0REVLCCkbS69CMqNf9wiVdG4SS2Bl6juGVYj8yRM7wA_yKyWxsQXOcW1tqy3ez_"
    "7AyRdcYyOYfltXfMQESjSSa_daA7jCt0ViJiRY8CbkzY4z5PV4_caCMn2sc80HS3"
    "EMvF0nF1uSLjbq04wQrOfg";
inline constexpr std::string_view signature_of_zeros =
    "i-duGTyQjDRhaotfGwvlWllu1628WsTklPqGL6MGdRt9ZhhysjZfAmG2ZdtuPbjW"
    "ArbkYQI3POztcsdKm_lpOFd9GlLpZLLZbQu1_Y_7BCo6cHLwEK2F8xy_Bgzx9sgt"
    "dg_qsDb6DN7NY17HRFOuJZNrt0cScl8tNvsW2VTOYKTtb5xJ0zR6GZGFmC4JULo6"
    "fab_FO0wePpu742EkrMM9mVcaMopKSWVka4sIvvdkqpHmaqeVGw504teYFV7ES3P"
    "W_BwLqBuRP0wRb34UIBdX1qrk4e6nAVNFgk_TQnEjNO_NLS2YJf8yMSjuAulTP3m"
    "ZQa23joP13xHVA7AV5AWHA";

// The same key as PKCS#1.
inline constexpr char rfc7515_key_pkcs1[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEowIBAAKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0\n"
    "l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pC\n"
    "gNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSX\n"
    "ndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD\n"
    "Zlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8\n"
    "q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQABAoIBABKucaRpzQorw35S\n"
    "bEUAVx8dYXUdZOlJcHtiWQ+dC6V8ljxAHj/PLyzTveyI5QO/xkObCyjIL303l2cf\n"
    "UhPu2MFaJdjVzqACXuOrLot/eSFvxjvqVidTtAZExqFRJ9mylUVAoLvhowVWmC1O\n"
    "n95fZCXxTUtxNEG1Xcc7m0rtzJKs45J+N/V9DP1edYH6USyPSWGp6wuA+KgHRnKK\n"
    "Vf9GRx80JQY7nVNkL17eHoTWEwga+lwi0FEoW9Y7lDtWXYmKBWhUE+U8PGxlJf8f\n"
    "40493HDw1WRQ/aSLoS4QTp3rn7gYgeHEvfJdkkf0UMhlknlo53M09EFPdadQ4TlU\n"
    "bjqKc50CgYEA4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH/5IB3jw3bcxGn6QLvnE\n"
    "tfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw/Py5PJdTJNPY8cQn7ouZ2KKDcmnPG\n"
    "BY5t7yLc1QlQ5xHdwW1VhvKn+nXqhJTBgIPgtldC+KDV5z+y2XDwGUcCgYEAuQPE\n"
    "fgmVtjL0Uyyx88GZFF1fOunH3+7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYs\n"
    "p1ZSe7zFYHj7C6ul7TjeLQeZD/YwD66t62wDmpe/HlB+TnBA+njbglfIsRLtXlnD\n"
    "zQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdcCgYAHAp9XcCSrn8wVkMVkKdb7\n"
    "DOX4IKjzdahm+ctDAJN4O/y7OW5FKebvUjdAIt2GuoTZ71iTG+7F0F+lP88jtjP4\n"
    "U4qe7VHoewl4MKOfXZKTe+YCS1XbNvfgwJ3Ltyl1OH9hWvu2yza7q+d5PCsDzqtm\n"
    "27kxuvULVeya+TEdAB1ijQKBgQCH/3r6YrVH/uCWGy6bzV1nGNOdjKc9tmkfOJmN\n"
    "54dxdixdpozCQ6U4OxZrsj3FcOhHBsqAHvX2uuYjagqvo3cOj1TRqNocX40omfCC\n"
    "Mx3bD1yPPf/6TI2XECva/ggqEY2mYzmIiA5LVVmc5nrybr+lssFKneeyxN2Wq93S\n"
    "0iJMdQKBgCGHewxzoa1r8ZMD0LETNrToK423K377UCYqXfg5XMclbrjPbEC3YI1Z\n"
    "NqMtuhdBJqUnBi6tjKMF+34Xf0CUN8ncuXGO2CAYvO8PdyCixHX52ybaDjy1FtCE\n"
    "6yUXjoKNXKvUm7MWGsAYH6f4IegOetN5NvmUMFStCSkh7ixZLkN1\n"
    "-----END RSA PRIVATE KEY-----\n";
// Keys that are no good, made for this test.
inline constexpr char elliptic_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDH6oXf9UsrKxpA7f\n"
    "GH7piSBjyOfs5TFcJdcHTPLLxoWhRANCAATKlYe/+Y1LUzoh3MFRJPkGhdQq51K3\n"
    "8zE9lQHWmUPyDTQjkXXVVyVtEFOLX4K+Cb1mO1RLsl0RwSDftgtDPn1d\n"
    "-----END PRIVATE KEY-----\n";
inline constexpr char short_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIICeAIBADANBgkqhkiG9w0BAQEFAASCAmIwggJeAgEAAoGBANAtXI+ljBSGdLAP\n"
    "R0IuwdBxPpOhloUHUTnsm2b/rfQCaxrrTAvZ5d9stKtuCMYuwuGDIg96dUrPuZxv\n"
    "X8xXnbnEfpDjZ6YVvrxDRfH7SejjIZRHKoQ46t8CkaxCCMGl2pCJJMUi3h47G+kZ\n"
    "z6kuCTo+DPb3BuCqwKLsALY5zUnXAgMBAAECgYEAwis9JUJsqIxMdBacCU/hOJEX\n"
    "o81YvlV33oYg4G3kCy7iRWZoNLmVXdJfpXHpPyhIXtzXvQYkNpYPcqiy+r5R/k9u\n"
    "oeDNsV1nBZYpCDRlIqtnw8h5NlJK1H/09l4TpD59BFZ8VknM3HjQfbJEp38GtZ8c\n"
    "D+nMktPbcH1U0rkbYjECQQDoo6cc66edMbzBYgQ4zblVeCsBQIypaTa+sMCK94yh\n"
    "LA0cADqnkk4x11uiXcY38/+RVv5o4vSKle0aRAqsE+ZvAkEA5RTfs4xJ8UbVE/YJ\n"
    "QI0IqDl07nbbQYVjwSgT5yuqYd88wYHYrNxLGy8ofIpKgbsiWft7uEg6ztsMfa63\n"
    "Kb1HGQJBAMlLibbxhVf0CHKAIE0SXTJCR1vPAac43eDESeY06t8uoa0/2YDTjIt9\n"
    "39EvOOuDWfjlgD87WgNsVPusMlvQ4EsCQQDF8pGSnmjOejxo8TLxemy+oFdwL3gq\n"
    "V87o+26nVM33oGTpeP/37qtfpBJB+2WCUGfQhURU6uUWFaXnfG99O7cRAkAKDyp9\n"
    "z8bm6CuH/LAVqjijwJ/9Vgw8gsBKMAn0XjrEdcrxk7mRiINs0Wq3Krep6LMH/Pgs\n"
    "1imgl58HXPEnmCdT\n"
    "-----END PRIVATE KEY-----\n";
inline constexpr char pss_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADALBgkqhkiG9w0BAQoEggSpMIIEpQIBAAKCAQEAxfolDjqsHaAxJibY\n"
    "47yOqBwjPPbVEw7bHv0hERj/T/QT2upldgrPvSowQ4lTafLXZ878qeKvxny3WYo+\n"
    "+sWLnOxVs0JTOzGvUvJFomcLFUBSB7/2C04V76pdU6YM0iXXyjt/oP3Owp6hD6gS\n"
    "pPl137iVHwfoRuOdaez+ZGXg/a3SlduOEJrRn4/B7zVnMfOemnuYs9kF5w1I3T0X\n"
    "+AQG8XdVbZAYenn1Ri/dJMntB6/gh5YYEnU0u5FpN4+w6tqfVwnxhaMmergfy+Gl\n"
    "ahuwuH9lzAV4Yvl4yfJ31NV925ahRE3ZSvOpiZr/mLKdNobizb1xcc+zDahWgNTq\n"
    "10x3EQIDAQABAoIBAAEXoCM2iyhkWnO7r019sZV3XEa+lOPfRzG3U0/2a5gxFaKg\n"
    "UZwns0g3pp8ExQdMCJ4LwWSdjyXg88ZZxymtM9fojOYpiu8uwb511DuxEQRWam1y\n"
    "WhpAssnI+UKteJt4i9Ao6QtwwwvbV1z7AClVWq4NOmi6q4XSmoB7sdaeIkeRWV/0\n"
    "/BZVavGrx5TlEaC/kpjtrjc0a2uQj7TnZ50WRZmB1jBPuoFEmptagQMadf1oc/VH\n"
    "S9YOzOmBdRsCMYmB1rTW/4Ji6iXpOR82JRl9PoVzmCc8VQrQitFu2vRuUfDP8gAm\n"
    "uBxOc95FIYaXc9tehE46fwGmMSQIIGj/O6W51VECgYEA7GnZJ0Qar6d8YmQGg76y\n"
    "3chUm8qn8Ix2WH8whd7q0jr4Rlg+NbB99oVsOJ+Uf3z3xx0aYuef3VQTpxZ5Vm9R\n"
    "4V68I6Muq0jDvUQywkaGN2i+jw1C/F+tTNpveHuLgWE6lTUlnxjeYc41LLyao34H\n"
    "W2LZb9r28KEyMVk5zbgRBvkCgYEA1mEXMnoD6yeHuAmwrAB5cXcnpyW/a59le2U6\n"
    "KkOozBXxrL5prL9nwiGfVb0Zv/+UQ2C+xKtqRzLWeWgWnbfcXtqZqq888CNa2BqU\n"
    "peuV8DwGRDErqUeeUsZiVP2lDgZyXQ54dWnLDYTDuAjFlthjcHhOVZ6677HzcVqZ\n"
    "LrunftkCgYEAl9JV4TCMTrepWmpQALUrmt/27eGUPheGPMjZeW8xr/as0EgFE2eX\n"
    "TQRb/nUE4WZ4nMck1dVXxcQjps749zggBjJXci9uXhMpmNc+HaM6uESs86MZnIc4\n"
    "/LzejyoP6fNtsrphwa0vyvGpFmS8jjf2M4rkhj/BC8EJQcXCKEmHrckCgYEApamZ\n"
    "l3QamxmNE3bJg+FJ95iwl8Xfynb+oQB0ljx6sFs0ytzKJKg0shvxWPwsbeY+2GJm\n"
    "iOw90I9ElcUN1QtDzDj5DqEkYh2wEddYj28iCucXoJKuvr2NZ0HOswbfCZuJvMd1\n"
    "5qW+N9Akvo5owkytazhMsHVc1+WXzjzIqwhwQuECgYEAq7qTTxhX04jJZlv9M8GA\n"
    "a/PagJXcc37NWhyWor2HUKq6RmaA9OSF9coyaLTlhVjAfw6ZcfYR/TE8CasVVUT+\n"
    "o5L3LfJz//4FRVLV7/n7ehdXnwtQZmbuiv57GhJWpe+SERu3YX8HkgvVuihinZ3m\n"
    "9cF113IVB/yC53nYkE66RyY=\n"
    "-----END PRIVATE KEY-----\n";
inline constexpr char locked_pkcs8[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIIFLTBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQIslGn0J7oSwQCAggA\n"
    "MAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBCviDhzRDXjCmQxm21uy1ShBIIE\n"
    "0CDOO6BQHM32ye78YMTd4dMPl9yabB2QhU45C6TxHOVaGY/o2R4zM52yCNxyl4X7\n"
    "VP1wp/Hf9CLsn61kcKeIj3VpqpZ29pcLtO2dHF91rOe3vjAA6sqEv7WMHrH8dh0u\n"
    "10hrZ86wXR4Vsn74kcybWtuRqLtBMxsACrGthUwT5pvZX8R7FsSMKGhPNCHQrPkt\n"
    "7zuUSGoc+NqvdzatSLp0p5NWxyfZWE6W7LEj1fMGmfblYtHwxHqo+6iaB0bOSHUc\n"
    "K4SR1Aop5DwgFrNndz/Ufv8oqgLH2EQ3vkKLb2h61GcHXxHSf2652Tbs3ndKN/Vl\n"
    "SPquM55Udnd7QTHin0D7rMzZEDJHflPicDJj00TWXiupWTszN296udjSc3IpMI1q\n"
    "F8v6k0sTe8kFrjeiVf01kOqyP1uuLjos6a/5Mm5z3MbdfVxnSuegrcE4pbuXWhrL\n"
    "19oxZiZiLQvMdaqaDmBbrODAMZMVboZjKuj5J4A+bL6s26jeQiHYEDf7U63R9L4g\n"
    "TIu84Zk6QDaYt8WlFsa5dyqnJw2h++/UhTjyucX6cLN3vGrTIzq61ZLr4I3Ycb3A\n"
    "XYFJhEj5Ea7GFNPyz+RhGIwHPVJNFpmx8juEt07gkgJfzzBecKaQ2K649e92Ybxq\n"
    "xP+wnyUjniiyzEe9msht82pJJ/S6EdzGWKzIzHFBBYEZHvTyITjpo6pKhVQFJ6ax\n"
    "0UtjuxKqLfo21knYjCILNng2hMIk2lzUgfYpo7XW+nrQd+iJz/6wZ9fTKhclOJbk\n"
    "lpDMB72Av83v6rmIsMZOfZIRvLNKRziyMWTkgPv9Qo7e/3Lb+fp8h8UFGpYjIr3A\n"
    "tpCabVmAQKwvpegnF5q0HXjiBNZQZbLSlLjv6ESSYpHfzsKJ96KuIpjnP3LNVbkm\n"
    "y1WE7RlibctgUL3AhYIxik5E/KbjrXNEJD6K+KnNfFciYEPUzhwsWfxLwLHMUN5G\n"
    "Li4IuRUC/QvoWUCZsq+9I3mWNDTtSLrD0QmC7NM8OqTUxcTsXGjo7o+EkfGtWhHU\n"
    "bNRdKICY224W2p4ezBGfgcxu+HPfIvgHmIZwM/0MzzG0kxBDCDEB8iyYTLwHYBU7\n"
    "OeBO5XgwKmro8t6fogWh74TDtGS7UsRdA5/FSE+8QBF8xS3VQTOPHlbo5YRRPOw5\n"
    "c9bGrMNPHwm+EYnuAWKH0SXL1ScOHxBAqJkp8DykBR3xw/WE2VxqsTH1+/79ulkR\n"
    "D0lX8PB/shJL3Iix67JPc4wsAA4iQP1dFtW1cOPSPo/9RMaG4w89IuO69ND1ck3K\n"
    "apcv7bDwyAnSw4JmpJp8bLnfDsjlYmfxz/XjNDm5ouanjkBKjkxqzdo/kuc1Ol9E\n"
    "S9X9qbva0MDaMsXpVJxgFt3sA5nXT1EYLxAA6dcmZSS/BHVOmuJ9s5RQxwaJUO1Y\n"
    "V/wJd+jNpRBHv9bU/ounQfLfKf1DNByOTtkVeD5WBMS1Fk4Qst9EV3gB2gkFLItK\n"
    "lQUDlDLETylykZy/x2WJTq8kNyP2F5tV4dnGMEnMvdeq5fC62wEskTnzNZER+qZz\n"
    "8Qjff+wMsZRF/2fAWyIrQGlyUS3ZbG9V3CXD48HnliIqmvjcITVxdPtL90GayZQb\n"
    "3QC7hp1+ltg8TqH47iCar8dh6JAIRUXQ5ct9MjrZJxuG\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
inline constexpr char locked_pkcs1[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-128-CBC,756DA50C0B23DE56E94A070D591DA40E\n"
    "\n"
    "mEKYa2oap773IIl0hkqaPmW5377mB6t4YMqrPGpjfXXsRGm+cBl81YZPYRHfzsaf\n"
    "CPgaxDAWHXTqWftQ+T9XGh49l2Uxv9WLVrwOVOAUYvtLhUnVVEqEHech5albkdUC\n"
    "X0ghvXCxq3q8YW0T5E5s56b7iK+KscISOX+m5+UgP2POnAMRQC3FRZqwqExRJqfF\n"
    "P+ENlRSKzQGm8jF9wFYG4SLKLZezOWE5XMou7iUwhj2sSuaKb+oYIeuU0BrzHfWl\n"
    "awDlUleKtzw8cyHRdZ/NEvjasyNb6iMNBpnqtXl/qhRRHFcvUYlpIIFWtIOXYa/g\n"
    "j2MkhNT1C2H8CeYO5mq8n6y8HqFt785FegUap8ZJvp/ss9FVxtsFeG/BeJuiak+M\n"
    "p0VYWurDEki42kn7NLSbolrMQUyd1wwvf4zgt/WV3IyRTmBxZFYAdW3KU8Jxxx6V\n"
    "Jl6uKEWG+r97lND+HPj4USIjwBXq9D/NWPyNHhz2DknlOR/y94OPYXeP5gjD0DSN\n"
    "ydKudZPW89j5mTJOwXztl2cfUlR1nESgKMWfPUsKUEhEOkDdLoBS6oiElVE5LQbY\n"
    "/JKvDaA2fIZu5FQiZSQCwgsLg07s1tatdbx3OnYjE5hCOhErXvXw+OlC/pMX4HCG\n"
    "mk1G9hXZ7oIbDrHDUK9DY1Ox2IEbpZU2FRZQtQmQzqtRTx8lIbzdgrJjHzc++ZEv\n"
    "arAMhBNRSY6SFwUuXSOSPSg1TMXldPm8QxewqzARI3EUtR4dyIvUL5PxPJAnmN+u\n"
    "JBT6XTG7Hf4HWUPx/hMEVQd8pKo6XTh51LLTRgC9878IjQQtEqjDC9z3Pdkq38In\n"
    "XB6F4WTHx2sAfQxZlLaTA3buYt+soZAX1bUXkRsE5iYz4R/v9s5vxb9QxAknuU/E\n"
    "C25PKbc3mt2S1ATxeLarE0816Uy1AWzWReYOaSLXesF/E2DjJKKx8LZLRWB4yeGw\n"
    "mGEe6c7REeJzq1akPh3wPWCw9zEREXAwz32rOYFjgnw/czUcZ6/dy/WBiamcdILv\n"
    "IyBosuWOn7zGk6Kwwvt7Bv8UW3/DcLUgqqBau3bTwRUB04oTvHIBS8z3qa2adPbb\n"
    "eBjTYDzd7PMq1xKhVCOBtHddZfkMXT5Oz0G2M69WjxP8ChfGoeckW9WPxC0sKtrR\n"
    "urjUjJJroG7Zhs5R4fbsxIlISxKiUdcQ/iCUHXI9WRdDLdX2Cfo7bRlCOmgPRVNa\n"
    "Xv598KbYBtdhsChArs/KTnp0UUmNsApch3NOkQPETBSEEcUfGIJXDGGHKHEV/aUV\n"
    "UWo17BPaMUd9LVbdFTmjqSfAuoGvFze+JBlqgKKA+BR3hN3MvXzhXQFC0nR9QuAr\n"
    "AoMVENmegbnTBJSFPftWr4zDbrWhGngrdS/uXZ+wPGmdsk45eAvRIuakbtevfB0U\n"
    "tRAJTxLOB6qqPp3dY6z2IsHXfrtlXT6b7qgNLnT8hHM+L0m2xTcgMk+4dXQ3nRO4\n"
    "JegusACQ97aDh1qCSYTrv9DDoWzTtaMTFYji1oarPUZvegDNbdJcKjdo6IqJlCKv\n"
    "3ILEv91wCBA/uNcIFiBFPgYTtXkbftjeb1sOUaOlxNBs6FYZ6x3VoEgAnc+4xJD3\n"
    "-----END RSA PRIVATE KEY-----\n";

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

/// Read  `SignerResult(std::string_view pem)`.
template <class Read> std::string token_of(const Read& read, std::string_view pem) {
    const SignerResult made = read(pem);
    CHECK(made.error == "");
    return std::string(rekey::oauth::sign(rfc7515_input, made.signer).token.expose());
}

template <class Read> void the_same_bytes(const Read& read) {
    CHECK(token_of(read, rfc7515_key) == rfc7515_token);
    const SignerResult made = read(rfc7515_key);
    const auto signature_of = [&made](std::string_view text) {
        return rekey::oauth::base64url_encode(made.signer(text));
    };
    CHECK(signature_of("") == signature_of_nothing);
    CHECK(signature_of(std::string(9999, '0') + '7') == signature_of_zeros);
    CHECK(signature_of(std::string(9999, '0') + '8') != signature_of_zeros);
}

template <class Read> void both_armours(const Read& read) {
    const std::string lf = rfc7515_key;
    const std::string traditional = rfc7515_key_pkcs1;
    CHECK(token_of(read, traditional) == rfc7515_token);
    CHECK(token_of(read, replaced(lf, "\n", "\r\n")) == rfc7515_token);
    CHECK(token_of(read, replaced(lf, "\n", "\\n")) == rfc7515_token);
    CHECK(token_of(read, replaced(lf, "\n", "\\r\\n")) == rfc7515_token);
    CHECK(token_of(read, replaced(traditional, "\n", "\\n")) == rfc7515_token);
    for (const char* const end : {"\r", "\\r", "\r\r\n", "\r\\n", "\\r\n"}) {
        CHECK(token_of(read, replaced(lf, "\n", end)) == rfc7515_token);
        CHECK(token_of(read, replaced(traditional, "\n", end)) == rfc7515_token);
    }
    CHECK(token_of(read, "\n  \n" + lf + "\n\n") == rfc7515_token);
    CHECK(token_of(read, lf.substr(0, lf.size() - 1)) == rfc7515_token);
}

template <class Read> void refusals(const Read& read) {
    const auto refuses = [&read](std::string_view pem, std::string_view why) {
        const SignerResult made = read(pem);
        CAPTURE(made.error);
        CHECK_FALSE(made);
        CHECK_FALSE(static_cast<bool>(made.signer));
        CHECK(made.error.find(why) != made.error.npos);
    };
    refuses("", "no BEGIN line");
    refuses("garbage", "no BEGIN line");
    refuses("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no private key");
    refuses("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no private key");
    refuses("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot read");
    refuses(std::string_view(rfc7515_key, 900), "cannot read");
    refuses(std::string(70000, 'x'), "too long");
    refuses(elliptic_key, "not an RSA key");
    refuses(short_key, "2048");
    refuses(locked_pkcs8, "encrypted");
    refuses(locked_pkcs1, "encrypted");
    CHECK_FALSE(read(pss_key));

    const std::string damaged = replaced(rfc7515_key, "MII", "MIX");
    const SignerResult made = read(damaged);
    CHECK_FALSE(made);
    for (std::size_t at = 0; at + 8 < damaged.size(); at += 4)
        if (damaged.compare(at, 5, "-----") != 0)
            REQUIRE(made.error.find(std::string_view(damaged).substr(at, 8)) == made.error.npos);
}

template <class Read> void threads(const Read& read) {
    const SignerResult made = read(rfc7515_key);
    std::vector<int> right(4, 0);
    std::vector<std::thread> all;
    for (int& count : right)
        all.emplace_back([&count, signer = made.signer] {
            for (int i = 0; i != 20; ++i)
                if (rekey::oauth::sign(rfc7515_input, signer).token.expose() == rfc7515_token)
                    ++count;
        });
    for (std::thread& thread : all) thread.join();
    for (const int count : right) CHECK(count == 20);
}

template <class Read> void all(const Read& read) {
    SECTION("one key and one text have one signature") { the_same_bytes(read); }
    SECTION("both armours, any line ends") { both_armours(read); }
    SECTION("a text without a usable key is refused in words") { refusals(read); }
    SECTION("many threads sign with one key") { threads(read); }
}

}  // namespace rs256_suite

#endif
