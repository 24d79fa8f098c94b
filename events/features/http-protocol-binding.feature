@http
Feature: HTTP protocol binding

    The HTTP Protocol Binding for CloudEvents defines how events are mapped to HTTP 1.1 request and response messages (version
    1.0.3-wip). The first two scenarios are in the words of the CloudEvents conformance repository, which has these two; the
    rest follows them.

    Background:
    Given HTTP Protocol Binding is supported

    Scenario Outline: Binary content mode (<contentType>)
    Given an HTTP request
        """
        POST /someresource HTTP/1.1
        Host: example.com
        ce-specversion: 1.0
        ce-type: com.example.someevent
        ce-time: 2018-04-05T03:56:24Z
        ce-id: 1234-1234-1234
        ce-source: /mycontext/subcontext
        Content-Type: <contentType>
        Content-Length: 33

        {
            "message": "Hello World!"
        }
        """
    When parsed as HTTP request
    Then the attributes are:
        | key             | value                 |
        | id              | 1234-1234-1234        |
        | specversion     | 1.0                   |
        | type            | com.example.someevent |
        | source          | /mycontext/subcontext |
        | time            | 2018-04-05T03:56:24Z  |
        | datacontenttype | <contentType>         |
    And the data is equal to the following JSON:
        """
        {"message": "Hello World!"}
        """
    Examples:
    | contentType                     |
    | application/json                |
    | application/json; charset=utf-8 |

    Scenario Outline: Structured content mode (<contentType>)
    Given an HTTP request
        """
        POST /someresource HTTP/1.1
        Host: example.com
        Content-Type: <contentType>
        Content-Length: 266

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
    When parsed as HTTP request
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
    | contentType                                 |
    | application/cloudevents+json                |
    | application/cloudevents+json; charset=utf-8 |
    | Application/CloudEvents+JSON                |

    Scenario Outline: Batched content mode (<contentType>)
    Given an HTTP request
        """
        POST /someresource HTTP/1.1
        Host: example.com
        Content-Type: <contentType>

        [
            {"specversion": "1.0", "type": "t", "id": "1", "source": "/s", "data": {"n": 1}},
            {"specversion": "1.0", "type": "t", "id": "2", "source": "/s", "datacontenttype": "text/plain", "data": "two"}
        ]
        """
    When parsed as HTTP request
    Then there are 2 events
    And the attributes of event 0 are:
        | key             | value            |
        | id              | 1                |
        | specversion     | 1.0              |
        | type            | t                |
        | source          | /s               |
        | datacontenttype | application/json |
    And the attributes of event 1 are:
        | key             | value      |
        | id              | 2          |
        | specversion     | 1.0        |
        | type            | t          |
        | source          | /s         |
        | datacontenttype | text/plain |
    Examples:
    | contentType                                       |
    | application/cloudevents-batch+json                |
    | application/cloudevents-batch+json; charset=UTF-8 |

    Scenario: A batch may be empty
    Given an HTTP request
        """
        POST /someresource HTTP/1.1
        Content-Type: application/cloudevents-batch+json

        []
        """
    When parsed as HTTP request
    Then there are 0 events

    Scenario Outline: A batch with one event that is wrong is refused, and says which (<event>)
    Given an HTTP request
        """
        POST /someresource HTTP/1.1
        Content-Type: application/cloudevents-batch+json

        [{"specversion": "1.0", "type": "t", "id": "1", "source": "/s"}, <event>]
        """
    When parsed as HTTP request
    Then it is refused: event 1 of the batch (counted from 0) cannot be read: <reason>
    Examples:
    | event                                                            | reason                                                    |
    | 7                                                                | not a JSON event                                          |
    | {"specversion": "0.3", "type": "t", "id": "2", "source": "/s"}   | not a valid CloudEvent: specversion "0.3"                 |
    | {"specversion": "1.0", "type": "t", "id": "2"}                   | not a valid CloudEvent: attribute `source` is required    |
    | {"specversion": "1.0", "type": "t", "id": 2, "source": "/s"}     | member `id` is a number                                   |

    Scenario Outline: Anything else is refused with 415 (<contentType>)
    Given an HTTP request
        """
        POST /someresource HTTP/1.1
        Content-Type: <contentType>

        {"message": "Hello World!"}
        """
    When parsed as HTTP request
    Then it is refused as an unsupported media type: <reason>
    Examples:
    | contentType                                        | reason                        |
    | application/cloudevents+avro                       | event format                  |
    | application/cloudevents-batch+xml                  | event format                  |
    | application/cloudevents+json; charset=iso-8859-1   | character set                 |
    | application/json                                   | not a CloudEvent              |

    Scenario: Content-Type carries datacontenttype, and nothing else may
    Given an HTTP request
        """
        POST /someresource HTTP/1.1
        ce-specversion: 1.0
        ce-type: t
        ce-id: 1
        ce-source: /s
        ce-datacontenttype: text/plain
        Content-Type: text/plain

        x
        """
    When parsed as HTTP request
    Then it is refused: `ce-datacontenttype` must not be used over HTTP

    Scenario: A header ce- makes it an event, so what is missing is named
    Given an HTTP request
        """
        POST /someresource HTTP/1.1
        ce-type: t
        ce-id: 1
        ce-source: /s

        x
        """
    When parsed as HTTP request
    Then it is refused: attribute `specversion` is required

    Scenario Outline: Values of headers are percent-encoded (<value>)
    Given an event with the attributes:
        | key         | value   |
        | id          | 1       |
        | source      | /s      |
        | type        | t       |
        | myextension | <value> |
    When written as HTTP request in binary mode
    Then the HTTP headers have:
        | key            | value     |
        | ce-myextension | <encoded> |
    And parsed as HTTP request it is the same event
    Examples:
    | value     | encoded                         |
    | plain     | plain                           |
    | Euro € 😀 | Euro%20%E2%82%AC%20%F0%9F%98%80 |
    | "a" 100%  | %22a%22%20100%25                |

    Scenario Outline: Values of headers are decoded (<encoded>)
    Given an HTTP request
        """
        POST /someresource HTTP/1.1
        ce-specversion: 1.0
        ce-type: t
        ce-id: 1
        ce-source: /s
        ce-subject: <encoded>

        x
        """
    When parsed as HTTP request
    Then the attributes are:
        | key         | value   |
        | id          | 1       |
        | specversion | 1.0     |
        | type        | t       |
        | source      | /s      |
        | subject     | <value> |
    Examples:
    | encoded                         | value     |
    | Euro%20%E2%82%AC%20%F0%9F%98%80 | Euro € 😀 |
    | Euro%20%e2%82%ac                | Euro €    |
    | "Euro € 😀"                     | Euro € 😀 |
    | Euro € 😀                       | Euro € 😀 |
    | %41                             | A         |
    | %2541                           | %41       |
    | 100%                            | 100%      |

    Scenario: Overlong UTF-8 is refused
    Given an HTTP request
        """
        POST /someresource HTTP/1.1
        ce-specversion: 1.0
        ce-type: t
        ce-id: 1
        ce-source: /s
        ce-subject: %C0%A0

        x
        """
    When parsed as HTTP request
    Then it is refused: attribute `subject` holds bytes that are not UTF-8

    Scenario: Writing binary content mode
    Given an event with the attributes:
        | key             | value            |
        | id              | 1                |
        | source          | /s               |
        | type            | t                |
        | datacontenttype | application/json |
    And the data:
        """
        {"n":1.0}
        """
    When written as HTTP request in binary mode
    Then the HTTP headers are:
        | key            | value            |
        | ce-id          | 1                |
        | ce-source      | /s               |
        | ce-specversion | 1.0              |
        | ce-type        | t                |
        | content-type   | application/json |
    And the HTTP body is:
        """
        {"n":1.0}
        """

    Scenario Outline: Writing <mode> mode
    Given an event with the attributes:
        | key             | value            |
        | id              | 1                |
        | source          | /s               |
        | type            | t                |
        | datacontenttype | application/json |
    And the data:
        """
        {"n":1.0}
        """
    When written as HTTP request in <mode> mode
    Then the HTTP headers are:
        | key          | value       |
        | content-type | <mediaType> |
    And the HTTP body is:
        """
        <before>{"data":{"n":1.0},"datacontenttype":"application/json","id":"1","source":"/s","specversion":"1.0","type":"t"}<after>
        """
    And parsed as HTTP request it is the same event
    Examples:
    | mode       | mediaType                          | before | after |
    | structured | application/cloudevents+json       |        |       |
    | batched    | application/cloudevents-batch+json | [      | ]     |
