/// ISO 4217.
enum Currency {
    static let `default` = "USD"

    /// The code that `text` stands for: itself in any case, or the sign or name of a common currency.
    static func code(_ text: String) -> String? {
        let upper = text.uppercased()
        if self.codes.contains(upper) { return upper }
        return self.signs[upper]
    }

    private static let signs = [
        "$": "USD", "US$": "USD", "DOLLAR": "USD", "DOLLARS": "USD", "US DOLLARS": "USD", "USDOLLARS": "USD",
        "€": "EUR", "EURO": "EUR", "EUROS": "EUR", "£": "GBP", "POUND": "GBP", "POUNDS": "GBP", "C$": "CAD",
        "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "¥": "JPY", "₹": "INR",
    ]

    /// Active codes of money that is paid with: no funds, metals or test codes.
    private static let codes = Set(
        """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
        CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD \
        HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD \
        MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN \
        PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY \
        TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
        """.split(separator: " ").map(String.init)
    )
}
