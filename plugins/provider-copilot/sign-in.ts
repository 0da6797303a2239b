/** Where somebody signs in to GitHub with a code. The client is the one of GitHub's own that its editors' plugins have in common. */
export const signIn = {
  copilot: {
    deviceUrl: "https://github.com/login/device/code",
    tokenUrl: "https://github.com/login/oauth/access_token",
    clientId: "Iv1.b507a08c87ecfe98",
    scopes: ["read:user"],
  },
};
