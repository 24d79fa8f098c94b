@nats
Feature: NATS protocol binding

    The NATS Protocol Binding for CloudEvents defines how events are mapped to NATS messages (version 1.0.3-wip, the first one
    with a binary mode). These are its rules in the shape of the CloudEvents conformance repository, which has none for NATS.
    What is tagged @lenient says what else is read: what the SDKs of others write.

    Background:
    Given NATS Protocol Binding is supported

    Rule: The header Content-Type decides the content mode

    Scenario Outline: Structured content mode (<contentType>)
    Given a NATS message with payload:
        """
        {
            "specversion": "1.0",
            "type": "com.example.someevent",
            "time": "2018-04-05T03:56:24Z",
            "id": "1234-1234-1234",
            "source": "/mycontext/subcontext",
            "datacontenttype": "application/json",
            "data": {
                "message": "Hello World!"
            }
        }
        """
    And NATS headers:
        | key            | value         |
        | <header>       | <contentType> |
    When parsed as NATS message
    Then the attributes are:
        | key             | value                 |
        | id              | 1234-1234-1234        |
        | specversion     | 1.0                   |
        | type            | com.example.someevent |
        | source          | /mycontext/subcontext |
        | time            | 2018-04-05T03:56:24Z  |
        | datacontenttype | application/json      |
    And the data is equal to the following JSON:
        """
        {"message": "Hello World!"}
        """
    Examples:
    | header       | contentType                                 |
    | Content-Type | application/cloudevents+json                |
    | Content-Type | application/cloudevents+json; charset=utf-8 |
    | Content-Type | application/cloudevents+json;charset=UTF-8  |
    | Content-Type | Application/CloudEvents+JSON                |
    | content-type | application/cloudevents+json                |
    | CONTENT-TYPE | application/cloudevents                     |

    Scenario Outline: Any other Content-Type is binary content mode (<contentType>)
    Given a NATS message with payload:
        """
        {"message": "Hello World!"}
        """
    And NATS headers:
        | key                | value                 |
        | Content-Type       | <contentType>         |
        | ce-specversion     | 1.0                   |
        | ce-type            | com.example.someevent |
        | ce-source          | /mycontext            |
        | ce-id              | 1                     |
        | ce-datacontenttype | text/plain            |
    When parsed as NATS message
    Then the attributes are:
        | key             | value                 |
        | id              | 1                     |
        | specversion     | 1.0                   |
        | type            | com.example.someevent |
        | source          | /mycontext            |
        | datacontenttype | text/plain            |
    Examples:
    | contentType                   |
    | application/json              |
    | text/plain                    |
    | application/cloudevent        |
    | application/x-cloudevents+json |

    Scenario Outline: Event formats that are not supported are refused, not read as binary (<contentType>)
    Given a NATS message with payload:
        """
        <event/>
        """
    And NATS headers:
        | key            | value         |
        | Content-Type   | <contentType> |
        | ce-specversion | 1.0           |
        | ce-type        | t             |
        | ce-source      | /s            |
        | ce-id          | 1             |
    When parsed as NATS message
    Then it is refused: <reason>
    Examples:
    | contentType                                  | reason                                           |
    | application/cloudevents+avro                 | event format application/cloudevents+avro        |
    | application/cloudevents+xml                  | event format application/cloudevents+xml         |
    | application/cloudevents-batch+json           | event format application/cloudevents-batch+json  |
    | application/cloudevents+json; charset=utf-16 | character set utf-16                             |

    Rule: In binary mode every attribute is a header of its own

    Scenario: Binary content mode
    Given a NATS message with payload:
        """
        {"message": "Hello World!"}
        """
    And NATS headers:
        | key                | value                 |
        | ce-specversion     | 1.0                   |
        | ce-id              | 1234-1234-1234        |
        | ce-type            | com.example.someevent |
        | ce-source          | /mycontext/subcontext |
        | ce-time            | 2018-04-05T03:56:24Z  |
        | ce-datacontenttype | application/json      |
    When parsed as NATS message
    Then the attributes are:
        | key             | value                 |
        | id              | 1234-1234-1234        |
        | specversion     | 1.0                   |
        | type            | com.example.someevent |
        | source          | /mycontext/subcontext |
        | time            | 2018-04-05T03:56:24Z  |
        | datacontenttype | application/json      |
    And the data is equal to the following JSON:
        """
        {"message": "Hello World!"}
        """

    Scenario Outline: The attribute <attribute> is the header ce-<attribute>
    Given an event with the attributes:
        | key         | value   |
        | id          | 1       |
        | source      | /s      |
        | type        | t       |
        | <attribute> | <value> |
    When written as NATS message in binary mode
    Then the NATS headers have:
        | key            | value   |
        | ce-<attribute> | <value> |
    And there is no NATS header Content-Type
    And parsed as NATS message it is the same event
    Examples:
    | attribute       | value                                |
    | id              | 1234-1234-1234                       |
    | source          | https://example.com/a?b=c#d          |
    | type            | com.example.someevent                |
    | specversion     | 1.0                                  |
    | subject         | a/b                                  |
    | time            | 2018-04-05T03:56:24.123456789Z       |
    | datacontenttype | application/json                     |
    | dataschema      | https://example.com/schema.json      |
    | traceparent     | 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 |
    | correlationid   | 42                                   |
    | myextension     | true                                 |

    Scenario: Names of headers are case-insensitive
    Given a NATS message with payload:
        """
        x
        """
    And NATS headers:
        | key                | value      |
        | CE-SPECVERSION     | 1.0        |
        | Ce-Id              | 1          |
        | cE-Type            | t          |
        | ce-SOURCE          | /s         |
        | Ce-DataContentType | text/plain |
        | Ce-Sequence        | 7          |
    When parsed as NATS message
    Then the attributes are:
        | key             | value      |
        | id              | 1          |
        | specversion     | 1.0        |
        | type            | t          |
        | source          | /s         |
        | datacontenttype | text/plain |
        | sequence        | 7          |
    And the data is equal to the following text:
        """
        x
        """

    Scenario: Headers without the prefix are none of the event's
    Given a NATS message with payload:
        """
        x
        """
    And NATS headers:
        | key            | value |
        | ce-specversion | 1.0   |
        | ce-id          | 1     |
        | ce-type        | t     |
        | ce-source      | /s    |
        | Nats-Msg-Id    | m-1   |
        | traceparent    | x     |
        | subject        | y     |
    When parsed as NATS message
    Then the attributes are:
        | key         | value |
        | id          | 1     |
        | specversion | 1.0   |
        | type        | t     |
        | source      | /s    |

    Scenario: An event without data has no payload
    Given an event with the attributes:
        | key    | value |
        | id     | 1     |
        | source | /s    |
        | type   | t     |
    When written as NATS message in binary mode
    Then the NATS payload is:
        """
        """
    And parsed as NATS message it is the same event

    Scenario Outline: An invalid event is refused (<header>: <value>)
    Given a NATS message with payload:
        """
        not an event
        """
    And NATS headers:
        | key            | value   |
        | ce-specversion | 1.0     |
        | ce-id          | 1       |
        | ce-type        | t       |
        | ce-source      | /s      |
        | <header>       | <value> |
    When parsed as NATS message
    Then it is refused: <reason>
    Examples:
    | header     | value     | reason                                          |
    | ce-subject |           | attribute `subject` must not be empty           |
    | ce-time    | yesterday | attribute `time` is "yesterday"                 |
    | ce-my_ext  | x         | `my_ext` is not an attribute name               |
    | ce-data    | x         | `data` cannot be the name of an extension       |
    | ce-        | x         | `` is not an attribute name                     |
    | ce-id      | 2         | attribute `id` is there twice                   |
    | ce-datacontenttype | json | attribute `datacontenttype` is "json"         |

    Scenario Outline: A required attribute that is missing is named (<attribute>)
    Given a NATS message with payload:
        """
        {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
        """
    And NATS headers:
        | key            | value |
        | ce-specversion | 1.0   |
        | ce-id          | 1     |
        | ce-type        | t     |
        | ce-source      | /s    |
    But without the NATS header ce-<attribute>
    When parsed as NATS message
    Then it is refused: attribute `<attribute>` is required
    Examples:
    | attribute |
    | id        |
    | type      |
    | source    |

    Scenario Outline: Another version of CloudEvents is refused (<version>)
    Given a NATS message with payload:
        """
        x
        """
    And NATS headers:
        | key            | value     |
        | ce-specversion | <version> |
        | ce-id          | 1         |
        | ce-type        | t         |
        | ce-source      | /s        |
    When parsed as NATS message
    Then it is refused: specversion "<version>" is not supported
    Examples:
    | version |
    | 0.3     |
    | 2.0     |
    | 1       |

    Rule: Values of headers are percent-encoded

    Scenario Outline: Encoding (<value>)
    Given an event with the attributes:
        | key     | value   |
        | id      | 1       |
        | source  | /s      |
        | type    | t       |
        | subject | <value> |
    When written as NATS message in binary mode
    Then the NATS headers have:
        | key        | value     |
        | ce-subject | <encoded> |
    And parsed as NATS message it is the same event
    Examples:
    | value             | encoded                             |
    | plain             | plain                               |
    | Euro € 😀         | Euro%20%E2%82%AC%20%F0%9F%98%80     |
    | a b               | a%20b                               |
    | "quoted"          | %22quoted%22                        |
    | 100%              | 100%25                              |
    | %20               | %2520                               |
    | é                 | %C3%A9                              |
    | !#$&'()*+,-./:;<=>?@[]^_`{}~ | !#$&'()*+,-./:;<=>?@[]^_`{}~ |
    | a\\b\|c           | a\\b\|c                             |

    Scenario Outline: Decoding (<encoded>)
    Given a NATS message with payload:
        """
        x
        """
    And NATS headers:
        | key            | value     |
        | ce-specversion | 1.0       |
        | ce-id          | 1         |
        | ce-type        | t         |
        | ce-source      | /s        |
        | ce-subject     | <encoded> |
    When parsed as NATS message
    Then the attributes are:
        | key         | value   |
        | id          | 1       |
        | specversion | 1.0     |
        | type        | t       |
        | source      | /s      |
        | subject     | <value> |
    Examples: as they are written
    | encoded                         | value     |
    | Euro%20%E2%82%AC%20%F0%9F%98%80 | Euro € 😀 |
    | %2520                           | %20       |
    Examples: lower-case digits
    | encoded                         | value     |
    | Euro%20%e2%82%ac                | Euro €    |
    Examples: what needed no encoding
    | encoded                         | value     |
    | %41%7e                          | A~        |
    Examples: quoted strings are undone first, then one round of percent-decoding
    | encoded                         | value     |
    | "Euro € 😀"                     | Euro € 😀 |
    | "a \\"b\\" \\\\c"               | a "b" \\c |
    | "%22"                           | "         |
    | "%2522"                         | %22       |
    | "a" and "b"                     | "a" and "b" |

    Scenario Outline: Bytes that are not UTF-8 are refused (<encoded>)
    Given a NATS message with payload:
        """
        x
        """
    And NATS headers:
        | key            | value     |
        | ce-specversion | 1.0       |
        | ce-id          | 1         |
        | ce-type        | t         |
        | ce-source      | /s        |
        | ce-subject     | <encoded> |
    When parsed as NATS message
    Then it is refused: attribute `subject` holds bytes that are not UTF-8
    Examples:
    | encoded    |
    | %C0%A0     |
    | %FF        |
    | a%E2%82    |
    | %ED%A0%80  |
    | "%80"      |

    Rule: A structured message says so, and holds the whole event

    Scenario: Writing structured content mode
    Given an event with the attributes:
        | key             | value            |
        | id              | 1                |
        | source          | /s               |
        | type            | t                |
        | subject         | Euro € 😀        |
        | datacontenttype | application/json |
    And the data:
        """
        {"n":1.0}
        """
    When written as NATS message in structured mode
    Then the NATS headers are:
        | key          | value                        |
        | Content-Type | application/cloudevents+json |
    And the NATS payload is:
        """
        {"data":{"n":1.0},"datacontenttype":"application/json","id":"1","source":"/s","specversion":"1.0","subject":"Euro € 😀","type":"t"}
        """
    And parsed as NATS message it is the same event

    Scenario: In structured mode the payload has the say
    Given a NATS message with payload:
        """
        {"specversion": "1.0", "id": "inner", "source": "/s", "type": "t"}
        """
    And NATS headers:
        | key            | value                        |
        | Content-Type   | application/cloudevents+json |
        | ce-specversion | 1.0                          |
        | ce-id          | outer                        |
    When parsed as NATS message
    Then the attributes are:
        | key         | value |
        | id          | inner |
        | specversion | 1.0   |
        | type        | t     |
        | source      | /s    |

    Scenario: A structured message whose payload is no event is refused
    Given a NATS message with payload:
        """
        {"message": "Hello World!"
        """
    And NATS headers:
        | key          | value                        |
        | Content-Type | application/cloudevents+json |
    When parsed as NATS message
    Then it is refused: the payload is not an event in structured mode

    Rule: What others write is read, too

    @lenient
    Scenario: The Go and Rust SDKs write structured mode without a header
    Given a NATS message with payload:
        """
        {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
        """
    When parsed as NATS message
    Then the attributes are:
        | key         | value |
        | id          | 1     |
        | specversion | 1.0   |
        | type        | t     |
        | source      | /s    |

    @lenient
    Scenario: A message that nothing says is an event, and is none, is refused
    Given a NATS message with payload:
        """
        {"message": "Hello World!"}
        """
    And NATS headers:
        | key         | value |
        | Nats-Msg-Id | m-1   |
    When parsed as NATS message
    Then it is refused: not a CloudEvent

    @lenient
    Scenario Outline: The media type of the Go SDK is in content-type (<contentType>)
    Given a NATS message with payload:
        """
        x
        """
    And NATS headers:
        | key            | value         |
        | ce-specversion | 1.0           |
        | ce-id          | 1             |
        | ce-type        | t             |
        | ce-source      | /s            |
        | content-type   | <contentType> |
    When parsed as NATS message
    Then the attributes are:
        | key             | value         |
        | id              | 1             |
        | specversion     | 1.0           |
        | type            | t             |
        | source          | /s            |
        | datacontenttype | <contentType> |
    Examples:
    | contentType             |
    | text/plain              |
    | application/json        |
    | text/xml; charset=utf-8 |

    @lenient
    Scenario Outline: Values of the Go SDK are not encoded (<raw>)
    Given a NATS message with payload:
        """
        x
        """
    And NATS headers:
        | key            | value |
        | ce-specversion | 1.0   |
        | ce-id          | 1     |
        | ce-type        | t     |
        | ce-source      | /s    |
        | ce-subject     | <raw> |
    When parsed as NATS message
    Then the attributes are:
        | key         | value |
        | id          | 1     |
        | specversion | 1.0   |
        | type        | t     |
        | source      | /s    |
        | subject     | <raw> |
    Examples:
    | raw             |
    | Euro € 😀       |
    | 100%            |
    | 50% = %zz       |
    | half "of" it    |
    | "open           |

    @lenient
    Scenario Outline: A URI keeps its own escapes, encoded once more or not (<header>: <raw>)
    Given a NATS message with payload:
        """
        x
        """
    And NATS headers:
        | key            | value |
        | ce-specversion | 1.0   |
        | ce-id          | 1     |
        | ce-type        | t     |
        | ce-source      | <raw> |
    When parsed as NATS message
    Then the attributes are:
        | key         | value |
        | id          | 1     |
        | specversion | 1.0   |
        | type        | t     |
        | source      | <uri> |
    Examples:
    | raw                    | uri                  |
    | https://a/b%2520c      | https://a/b%20c      |
    | https://a/b%20c        | https://a/b%20c      |

    @lenient
    Scenario: The time of the Go SDK has nanoseconds, and any offset is the same instant
    Given a NATS message with payload:
        """
        x
        """
    And NATS headers:
        | key            | value                               |
        | ce-specversion | 1.0                                 |
        | ce-id          | 1                                   |
        | ce-type        | t                                   |
        | ce-source      | /s                                  |
        | ce-time        | 2026-09-01T12:00:00.123456789+02:00 |
    When parsed as NATS message
    Then the attributes are:
        | key         | value                          |
        | id          | 1                              |
        | specversion | 1.0                            |
        | type        | t                              |
        | source      | /s                             |
        | time        | 2026-09-01T10:00:00.123456789Z |
