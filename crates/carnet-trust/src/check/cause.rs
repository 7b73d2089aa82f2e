//! Why a condition is not met.

use serde::{Deserialize, Serialize};

/// Why a condition is not met, as a name that machines and tests may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The document is not of the form that the service reads.
    Unreadable,
    /// Nothing in the document admits any token.
    NothingTrusted,
    /// What is there is switched off.
    Disabled,
    /// The texts differ in upper and lower case only.
    LetterCase,
    /// One of the texts ends in a slash.
    TrailingSlash,
    /// The texts differ in white space at an end.
    WhiteSpace,
    /// One of the texts has `https://` in front.
    Scheme,
    /// The texts look the same, and one has a character of another alphabet, or one that cannot be seen.
    Lookalike,
    /// The texts differ in an encoding such as `%20`.
    Encoding,
    /// The value stands in quotes of its own, or in text that a template should have replaced.
    Template,
    /// A part of the subject is missing in what is expected.
    MissingPart,
    /// The parts are separated by another character.
    Separator,
    /// The project is the default one, and is written in another way.
    DefaultProject,
    /// Another organization is expected.
    OtherOrganization,
    /// Another project is expected.
    OtherProject,
    /// Another workspace is expected.
    OtherWorkspace,
    /// The other phase is expected.
    OtherPhase,
    /// The subject of another kind of issuer is expected.
    OtherForm,
    /// The same names are expected in a subject of another template.
    OtherTemplate,
    /// A part of the subject is called something else in what is expected.
    PartName,
    /// A wildcard is compared as a character.
    WildcardLiteral,
    /// A regular expression or an alternative stands where only wildcards are read.
    RegularExpression,
    /// The value expected is only the beginning of the one presented.
    Prefix,
    /// The audience is another one.
    OtherAudience,
    /// The audience is that of another service.
    AudienceOfOtherService,
    /// No audience is accepted.
    NoAudience,
    /// The issuer is another one.
    OtherIssuer,
    /// The value is another one.
    OtherValue,
    /// The token does not have the claim.
    ClaimMissing,
    /// The service does not offer the claim as a condition.
    ClaimUnavailable,
    /// The claim has a type that cannot be compared.
    ClaimType,
    /// The condition key is that of another identity provider.
    KeyHost,
    /// The operator is none that the service knows.
    UnknownOperator,
    /// The identity provider of another account is trusted.
    PrincipalAccount,
    /// The identity provider of another issuer is trusted.
    PrincipalHost,
    /// Something else than an OIDC identity provider is trusted.
    PrincipalKind,
    /// An action is missing.
    Action,
    /// A condition of a Deny statement is met.
    Denied,
    /// A condition says that the value must be another one.
    Excluded,
    /// A condition compares with a time that is over, or not yet there.
    TimeCondition,
    /// The token has ended.
    Expired,
    /// The token is not valid yet.
    NotYetValid,
    /// The token lacks a time that the service needs.
    TimeMissing,
    /// The token lives longer than the service accepts.
    LivesTooLong,
    /// The signing algorithm is not accepted.
    Algorithm,
    /// A value is longer than the service takes.
    TooLong,
    /// There are more entries than the service takes.
    TooMany,
    /// An expression is not one.
    ExpressionSyntax,
    /// An expression fails, or results in something of another type.
    ExpressionType,
    /// An expression is false.
    ExpressionFalse,
    /// It is more work than anybody puts into a token.
    TooCostly,
    /// A mapping that must be there is missing.
    MappingMissing,
    /// A role of this type takes no tokens.
    RoleType,
    /// The name that results is in no binding.
    NotBound,
    /// A setting that must accompany another is missing.
    SettingMissing,
}

impl Cause {
    /// The name, as in JSON.
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            Ok(_) | Err(_) => String::new(),
        }
    }
}
