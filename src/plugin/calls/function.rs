//! CallFunction. Functions are pure and have no diagnostics, and core may call them before Configure.

use std::iter;

use crate::{
    diagnostics::{Diagnostics, Reported},
    plugin::{
        from_proto,
        interface::{Function, FunctionError},
        proto::tfplugin5::{DynamicValue, call_function},
        session::PluginSession,
        to_proto,
    },
    schema::Value,
};

impl<C> PluginSession<C> {
    pub(in crate::plugin) fn call_function(&self, request: &call_function::Request) -> call_function::Response {
        let result = match self.provider.functions.get(request.name.as_str()) {
            Some(function) => call(function, &request.arguments),
            None => Err(FunctionError {
                argument: None,
                text: format!("this version of the provider has no function {:?}", request.name),
            }),
        };
        match result {
            Ok(result) => call_function::Response { result: Some(result), error: None },
            Err(error) => call_function::Response { result: None, error: Some(to_proto::function_error(error)) },
        }
    }
}

fn call(function: &Function, arguments: &[DynamicValue]) -> Result<DynamicValue, FunctionError> {
    let required = function.parameters.len();
    if arguments.len() < required || function.variadic_parameter.is_none() && arguments.len() > required {
        let text = format!("{required} arguments are needed, not {}", arguments.len());
        return Err(FunctionError { argument: None, text });
    }
    let parameters = function.parameters.iter().chain(iter::repeat(&function.variadic_parameter).flatten());
    let pairs = arguments.iter().zip(parameters).enumerate();
    let values = pairs.map(|(i, (argument, parameter))| {
        let mut out = Diagnostics::default();
        from_proto::value(Some(argument), &parameter.kind, &mut out)
            .map_err(|Reported { .. }| FunctionError { argument: Some(i), text: out.to_string() })
    });
    let result = (function.call)(&values.collect::<Result<Vec<Value>, _>>()?)?;
    to_proto::value(&result, &function.return_type).map_err(|invalid| FunctionError {
        argument: None,
        text: format!("the provider made an invalid result ({invalid}); please report this"),
    })
}
