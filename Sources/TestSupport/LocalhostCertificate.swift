/// Of nobody: made for tests, for `localhost` and 127.0.0.1, signed by itself.
package enum LocalhostCertificate {
    /// PEM.
    package static let privateKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgr0QuQr3jk+JwvYv2
        lSAeM9Go6W6m30LBSsIbSVoMWKWhRANCAAQk3VF4Q94U6+zsCqWkkNV6xN6L/ih4
        GcHiE6srk3XiJ82TXBoYZ5gWl4uk8YKtfuMX43JSs6Gf8ycOF8y8yPJ4
        -----END PRIVATE KEY-----
        """

    /// PEM.
    package static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBmzCCAUGgAwIBAgIUedfMwdxL7gud0nt+rYS32k84KBgwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA0NDAwMFoYDzIxMjYxMDMw
        MDQ0MDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAAQk3VF4Q94U6+zsCqWkkNV6xN6L/ih4GcHiE6srk3XiJ82TXBoYZ5gW
        l4uk8YKtfuMX43JSs6Gf8ycOF8y8yPJ4o28wbTAdBgNVHQ4EFgQUFSVjZ2O8z5i4
        ic0jbOz4gE/Q7iIwHwYDVR0jBBgwFoAUFSVjZ2O8z5i4ic0jbOz4gE/Q7iIwDwYD
        VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
        zj0EAwIDSAAwRQIgMWS19FM6+VOOYsRp4rjUoXmEzeJTzcgNef31rVbSL74CIQDl
        zX56tqvAdG5AbZg2b6GzbW8RfjnNiRQIjCPkeLwPww==
        -----END CERTIFICATE-----
        """
}
